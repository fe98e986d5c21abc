"""Heartbeats, for the API and the command line."""

from dataclasses import replace
from datetime import timedelta

from tocsin.actions.editor import Editor
from tocsin.actions.one_object import (
    begin_edit,
    change_one,
    create_one,
    delete_one,
    not_configured,
    require,
)
from tocsin.domain.configuration_file.description import DescribedHeartbeat, ObjectKind
from tocsin.domain.configuration_file.mistakes import nearest
from tocsin.domain.display_name import check_name
from tocsin.domain.heartbeat import DEFAULT_GRACE, Heartbeat, check_times
from tocsin.domain.routing import RoutingKey
from tocsin.domain.slug import parse_slug
from tocsin.store import heartbeats
from tocsin.store.database import Tx

_KIND = ObjectKind.HEARTBEAT


def list_heartbeats(tx: Tx) -> list[Heartbeat]:
    """Return the heartbeats in order of slug."""
    return heartbeats.list_heartbeats(tx)


def get_heartbeat(tx: Tx, slug: str) -> Heartbeat:
    """Return a heartbeat. Raises: NotConfigured."""
    found = {each.slug: each for each in heartbeats.list_heartbeats(tx)}
    if slug not in found:
        raise not_configured(_KIND, slug, nearest(slug, found))
    return found[slug]


def create_heartbeat(
    tx: Tx,
    slug: str,
    *,
    every: timedelta,
    editor: Editor,
    name: str | None = None,
    grace: timedelta = DEFAULT_GRACE,
    routing_key: str | None = None,
) -> Heartbeat:
    """Wait for a job's calls from now on.

    Raises: InvalidHeartbeat, InvalidSlug, InvalidName, InvalidRoutingKey, AlreadyConfigured.
    """
    check_times(every, grace)
    in_force = begin_edit(tx, editor)
    made = DescribedHeartbeat(
        slug=parse_slug(slug),
        name=slug if name is None else check_name(name),
        every=every,
        grace=grace,
        routing_key=_folded(routing_key),
        paused=False,
    )
    create_one(tx, in_force, _KIND, made.slug, made, editor=editor)
    return get_heartbeat(tx, made.slug)


def update_heartbeat(
    tx: Tx,
    slug: str,
    *,
    editor: Editor,
    name: str | None = None,
    every: timedelta | None = None,
    grace: timedelta | None = None,
    routing_key: str | None = None,
    paused: bool | None = None,
) -> Heartbeat:
    """Change what is given; an empty routing key is the default routing.

    Raises: NotConfigured, InvalidHeartbeat, InvalidName, InvalidRoutingKey.
    """
    in_force = begin_edit(tx, editor)
    require(in_force, _KIND, slug)
    known = in_force.description.heartbeats[slug]
    changed = replace(
        known,
        name=known.name if name is None else check_name(name),
        every=known.every if every is None else every,
        grace=known.grace if grace is None else grace,
        routing_key=known.routing_key if routing_key is None else _folded(routing_key),
        paused=known.paused if paused is None else paused,
    )
    check_times(changed.every, changed.grace)
    change_one(tx, in_force, _KIND, slug, changed, editor=editor)
    return get_heartbeat(tx, slug)


def delete_heartbeat(tx: Tx, slug: str, *, editor: Editor) -> None:
    """Wait for its calls no more; an incident of its silence is resolved. Raises: NotConfigured."""
    delete_one(tx, _KIND, slug, editor=editor)


def _folded(routing_key: str | None) -> str:
    return RoutingKey(routing_key).value if routing_key else ""
