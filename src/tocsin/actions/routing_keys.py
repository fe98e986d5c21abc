"""Routing keys and the default routing, for the API and the command line."""

from collections.abc import Sequence
from typing import ClassVar

from tocsin.actions.editor import Editor
from tocsin.actions.in_force import read_in_force
from tocsin.actions.one_object import begin_edit, change_one, create_one, delete_one
from tocsin.domain.configuration_file.description import (
    DEFAULT_ROUTING,
    DescribedRouting,
    ObjectKind,
)
from tocsin.domain.configuration_file.route import RouteExplanation, explain_route
from tocsin.domain.message_type import MessageType
from tocsin.domain.routing import OPENING_TYPES_BY_DEFAULT, RoutingKey
from tocsin.errors import TocsinError
from tocsin.store.database import Tx
from tocsin.vault import Vault


class LeadsNowhere(TocsinError):
    """A routing key without policies would page nobody, silently."""

    code: ClassVar[str] = "leads_nowhere"
    status_hint: ClassVar[int] = 422


def list_routing(tx: Tx, vault: Vault) -> list[DescribedRouting]:
    """Return the routing keys in order; the default routing, if there is one, has an empty key."""
    return list(read_in_force(tx, vault).description.routing.values())


def put_routing(
    tx: Tx,
    key: str,
    *,
    policies: Sequence[str],
    editor: Editor,
    opens_on: frozenset[MessageType] = OPENING_TYPES_BY_DEFAULT,
) -> DescribedRouting:
    """Let a routing key, or with `DEFAULT_ROUTING` all unknown ones, lead to policies, by path.

    Raises: InvalidRoutingKey, LeadsNowhere, UnknownName.
    """
    in_force = begin_edit(tx, editor)
    folded = _folded(key)
    routing = DescribedRouting(folded, tuple(dict.fromkeys(policies)), opens_on)
    if not routing.policies or not opens_on:
        raise LeadsNowhere("Name at least one policy, and one type of alert that opens an incident")
    write = change_one if folded in in_force.description.routing else create_one
    write(tx, in_force, ObjectKind.ROUTING_KEY, folded, routing, editor=editor)
    return routing


def delete_routing(tx: Tx, key: str, *, editor: Editor) -> None:
    """Forget a routing key; the default routing takes its alerts. Raises: NotConfigured."""
    delete_one(tx, ObjectKind.ROUTING_KEY, _folded(key), editor=editor)


def route_of(tx: Tx, key: str, vault: Vault) -> RouteExplanation:
    """Return where an alert with this routing key would go. Never raises: no alert is refused for it."""
    return explain_route(read_in_force(tx, vault).description, key)


def _folded(key: str) -> str:
    return key if key == DEFAULT_ROUTING else RoutingKey(key).value
