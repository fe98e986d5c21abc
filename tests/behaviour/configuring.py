"""A configuration as a test thinks of it: policies by name, and the keys that lead to them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.behaviour.receiver import AUTH_CODE

Steps = Sequence[tuple[Any, ...]]
"""The steps of a policy: how long after the one before, the webhooks called, and perhaps its patience."""


def configuration(
    policies: Mapping[str, Steps],
    *,
    receiver: str,
    keys: Mapping[str, Sequence[str]] | None = None,
    default: Sequence[str] = (),
    opens_on: Sequence[str] = ("CRITICAL",),
    repeat: Mapping[str, Any] | None = None,
    webhooks: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """Return the file. All policies belong to the team `ops`; webhooks are named for their paths.

    Unless `keys` says otherwise, the routing key `db` leads to every policy.
    """
    called = {name for steps in policies.values() for step in steps for name in step[1]}
    more = webhooks or {}
    described: dict[str, Any] = {
        "webhooks": {
            name: {"url": f"{receiver}/{name}", "auth_code": AUTH_CODE, **more.get(name, {})}
            for name in sorted(called | set(more))
        },
        "teams": {
            "ops": {"policies": {name: _policy(steps, repeat) for name, steps in policies.items()}}
        },
        "routing_keys": {
            key: {"policies": _paths(names), "opens_on": list(opens_on)}
            for key, names in (keys if keys is not None else {"db": list(policies)}).items()
        },
    }
    if default:
        described["default_routing"] = {"policies": _paths(default)}
    # What is JSON is YAML, too.
    return json.dumps({part: objects for part, objects in described.items() if objects})


def _policy(steps: Steps, repeat: Mapping[str, Any] | None) -> dict[str, Any]:
    listed = [step_of(*step) for step in steps]
    return {"steps": listed, **({"repeat": repeat} if repeat else {})}


def step_of(after: str, names: Sequence[str], patience: str | None = None) -> dict[str, Any]:
    """Return a step as the file has it. With `patience` it is undelivered after that."""
    more = {"if_undelivered": {"after": patience, "then": "next_step"}} if patience else {}
    return {"after": after, "webhooks": list(names), **more}


def _paths(names: Sequence[str]) -> list[str]:
    return [f"ops/{name}" for name in names]
