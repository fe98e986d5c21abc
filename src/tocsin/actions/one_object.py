"""Making, changing and deleting one configured object, by the rules that files follow too."""

from collections.abc import Iterator
from typing import ClassVar

from tocsin.actions.carry_out import carry_out, users_of
from tocsin.actions.editor import Editor
from tocsin.actions.in_force import InForce, read_in_force
from tocsin.domain.configuration_file.description import (
    Described,
    DescribedPolicy,
    DescribedRouting,
    ObjectKind,
)
from tocsin.domain.configuration_file.merging import Difference
from tocsin.domain.configuration_file.mistakes import nearest
from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx


class NotConfigured(TocsinError):
    """There is no such object."""

    code: ClassVar[str] = "not_configured"
    status_hint: ClassVar[int] = 404


class AlreadyConfigured(TocsinError):
    """There is one of this name."""

    code: ClassVar[str] = "already_configured"
    status_hint: ClassVar[int] = 409


class StillNeeded(TocsinError):
    """Something else would lead nowhere without it."""

    code: ClassVar[str] = "still_needed"
    status_hint: ClassVar[int] = 409


class UnknownName(TocsinError):
    """The object names another one that does not exist."""

    code: ClassVar[str] = "unknown_name"
    status_hint: ClassVar[int] = 422


def begin_edit(tx: Tx, editor: Editor) -> InForce:
    """Keep others from editing, and return what is in force."""
    lock_configuration(tx)
    return read_in_force(tx, editor.vault)


def require(in_force: InForce, kind: ObjectKind, key: str) -> None:
    """Raises: NotConfigured, with what may have been meant."""
    known = in_force.description.of(kind)
    if key not in known:
        hint = nearest(key, known)
        raise not_configured(kind, key, hint)


def not_configured(kind: ObjectKind, key: str, hint: str = "") -> NotConfigured:
    """Return the refusal to be raised for an object that does not exist."""
    return NotConfigured(f"There is no {kind} {key[:130]!r}{hint}", kind=kind.value, key=key[:130])


def create_one(
    tx: Tx, in_force: InForce, kind: ObjectKind, key: str, made: Described, *, editor: Editor
) -> dict[str, Secret]:
    """Make an object. Raises: AlreadyConfigured, UnknownName."""
    _refuse_taken(in_force, kind, key)
    _check_references(in_force, made)
    return carry_out(tx, in_force, [Difference(kind, key, None, made)], editor=editor)


def change_one(
    tx: Tx,
    in_force: InForce,
    kind: ObjectKind,
    key: str,
    changed: Described,
    *,
    editor: Editor,
    new_key: str | None = None,
) -> None:
    """Change an object; nothing is written if it is so already. Raises: AlreadyConfigured, UnknownName."""
    before = in_force.description.of(kind)[key]
    renamed = new_key is not None and new_key != key
    if renamed and new_key:
        _refuse_taken(in_force, kind, new_key)
    _check_references(in_force, changed)
    if renamed or before != changed:
        was = key if renamed else None
        difference = Difference(kind, new_key or key, before, changed, was)
        carry_out(tx, in_force, [difference], editor=editor)


def delete_one(tx: Tx, kind: ObjectKind, key: str, *, editor: Editor) -> None:
    """Delete an object that nothing needs. Raises: NotConfigured, StillNeeded."""
    in_force = begin_edit(tx, editor)
    require(in_force, kind, key)
    users = users_of(kind, key, in_force)
    if users:
        raise StillNeeded(
            f"The {kind} {key!r} is still needed by {', '.join(users)}; change that first",
            kind=kind.value,
            key=key,
            needed_by=", ".join(users),
        )
    before = in_force.description.of(kind)[key]
    carry_out(tx, in_force, [Difference(kind, key, before, None)], editor=editor)


def _refuse_taken(in_force: InForce, kind: ObjectKind, key: str) -> None:
    if key in in_force.description.of(kind):
        raise AlreadyConfigured(
            f"The {kind} {key!r} exists already; choose another slug", kind=kind.value, key=key
        )


def _check_references(in_force: InForce, described: Described) -> None:
    for kind, key in _references(described):
        known = in_force.description.of(kind)
        if key not in known:
            hint = nearest(key, known) or "; make it first"
            raise UnknownName(
                f"There is no {kind} {key[:130]!r}{hint}", kind=kind.value, key=key[:130]
            )


def _references(described: Described) -> Iterator[tuple[ObjectKind, str]]:
    match described:
        case DescribedPolicy():
            yield ObjectKind.TEAM, described.team
            for step in described.steps:
                for slug in step.webhooks:
                    yield ObjectKind.WEBHOOK, slug
        case DescribedRouting():
            for path in described.policies:
                yield ObjectKind.POLICY, path
