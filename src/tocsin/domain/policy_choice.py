"""Which policies a person means, who names some or a routing key."""

from collections.abc import Sequence
from typing import ClassVar

from tocsin.domain.configuration import Configuration, Policy
from tocsin.errors import TocsinError


class UnknownPolicy(TocsinError):
    """No policy has this path."""

    code: ClassVar[str] = "policy_not_found"
    status_hint: ClassVar[int] = 404


class UnknownRoutingKey(TocsinError):
    """No routing key has this name; a person means a key that exists, unlike a monitoring system."""

    code: ClassVar[str] = "routing_key_not_found"
    status_hint: ClassVar[int] = 404


class PoliciesNotChosen(TocsinError):
    """Neither policies nor a routing key were named, or both."""

    code: ClassVar[str] = "policies_not_chosen"
    status_hint: ClassVar[int] = 422


def choose_policies(
    configuration: Configuration, *, paths: Sequence[str], routing_key: str | None
) -> list[Policy]:
    """Return the policies named by `team/policy`, in that order, or those of a routing key.

    Raises: PoliciesNotChosen, UnknownPolicy, UnknownRoutingKey.
    """
    if bool(paths) is (routing_key is not None):
        raise PoliciesNotChosen("name either policies, as team/policy, or one routing key")
    if routing_key is not None:
        return _policies_of_key(configuration, routing_key)
    known = {policy.path: policy for policy in configuration.policies.values()}
    unknown = [path for path in paths if path not in known]
    if unknown:
        raise UnknownPolicy(
            f"no policy is called {unknown[0][:140]!r}: name one that exists, as team/policy",
            policy=unknown[0][:140],
        )
    return [known[path] for path in dict.fromkeys(paths)]


def _policies_of_key(configuration: Configuration, routing_key: str) -> list[Policy]:
    route = configuration.routes.get(routing_key.lower())
    if route is None:
        raise UnknownRoutingKey(
            f"no routing key is called {routing_key[:100]!r}: name one that exists, or policies",
            routing_key=routing_key[:100],
        )
    return list(route.policies)
