"""Escalation policies, for the API and the command line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from tocsin.actions.editor import Editor
from tocsin.actions.in_force import describe_policy
from tocsin.actions.one_object import (
    begin_edit,
    change_one,
    create_one,
    delete_one,
    not_configured,
    require,
)
from tocsin.domain.configuration import Policy
from tocsin.domain.configuration_file.description import (
    DescribedPolicy,
    DescribedStep,
    ObjectKind,
)
from tocsin.domain.configuration_file.mistakes import nearest
from tocsin.domain.display_name import check_name
from tocsin.domain.policy import Repeat
from tocsin.domain.slug import parse_slug, slug_from_name
from tocsin.errors import TocsinError
from tocsin.store import policies
from tocsin.store.database import Tx
from tocsin.store.webhooks import find_webhook_names


@dataclass(frozen=True, slots=True)
class ConfiguredPolicy:
    """A policy with its current version, and the same in words: webhooks by slug."""

    policy: Policy
    described: DescribedPolicy


class ChangedMeanwhile(TocsinError):
    """Somebody else has saved another version since the one that was edited."""

    code: ClassVar[str] = "changed_meanwhile"
    status_hint: ClassVar[int] = 409

    def __init__(self, path: str, *, made_from: int, version: int) -> None:
        super().__init__(
            f"Version {version} of {path!r} was saved while version {made_from} was being edited; look at "
            "what differs, and save again if it is still right",
            policy=path,
            made_from=made_from,
            version=version,
        )


def list_policies(tx: Tx) -> list[ConfiguredPolicy]:
    """Return the policies in order of team and slug."""
    names = find_webhook_names(tx)
    return [
        ConfiguredPolicy(policy, describe_policy(policy, names))
        for policy in policies.list_policies(tx)
    ]


def get_policy(tx: Tx, path: str) -> ConfiguredPolicy:
    """Return the policy `team/slug`. Raises: NotConfigured."""
    known = {each.policy.path: each for each in list_policies(tx)}
    if path not in known:
        raise not_configured(ObjectKind.POLICY, path, nearest(path, known))
    return known[path]


def create_policy(
    tx: Tx,
    *,
    team: str,
    name: str,
    steps: Sequence[DescribedStep],
    editor: Editor,
    repeat: Repeat | None = None,
    slug: str | None = None,
) -> ConfiguredPolicy:
    """Make a policy of a team.

    Raises: InvalidName, InvalidSlug, InvalidPolicy, AlreadyConfigured, and UnknownName for a team or
    a webhook that does not exist.
    """
    in_force = begin_edit(tx, editor)
    made = DescribedPolicy(
        team=team,
        slug=parse_slug(slug) if slug is not None else slug_from_name(check_name(name)),
        name=check_name(name),
        steps=tuple(steps),
        repeat=repeat,
    )
    create_one(tx, in_force, ObjectKind.POLICY, made.path, made, editor=editor)
    return get_policy(tx, made.path)


def update_policy(
    tx: Tx,
    path: str,
    *,
    name: str,
    steps: Sequence[DescribedStep],
    repeat: Repeat | None,
    editor: Editor,
    new_slug: str | None = None,
    made_from: int | None = None,
) -> ConfiguredPolicy:
    """Say anew what a policy is. Other steps make a new version; running escalations keep theirs.

    `made_from` is the number of the version that the editor had before them.
    Raises: NotConfigured, ChangedMeanwhile, and what `create_policy` raises.
    """
    in_force = begin_edit(tx, editor)
    require(in_force, ObjectKind.POLICY, path)
    version = in_force.policies[path].current.number
    if made_from is not None and made_from != version:
        raise ChangedMeanwhile(path, made_from=made_from, version=version)
    known = in_force.description.policies[path]
    changed = replace(
        known,
        slug=known.slug if new_slug is None else parse_slug(new_slug),
        name=check_name(name),
        steps=tuple(steps),
        repeat=repeat,
    )
    kind = ObjectKind.POLICY
    change_one(tx, in_force, kind, path, changed, editor=editor, new_key=changed.path)
    return get_policy(tx, changed.path)


def delete_policy(tx: Tx, path: str, *, editor: Editor) -> None:
    """Delete a policy that no routing key names; escalations that run go on by their version.

    Raises: NotConfigured, StillNeeded.
    """
    delete_one(tx, ObjectKind.POLICY, path, editor=editor)
