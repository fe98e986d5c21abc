"""Which routing key leads to which policies. The default routing is kept under `DEFAULT`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from tocsin.domain.message_type import MessageType
from tocsin.domain.routing import format_opening_types, parse_opening_types
from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx

_K = schema.routing_keys
_P = schema.routing_policies

DEFAULT: Final = ""
"""No routing key is empty."""


@dataclass(frozen=True, slots=True)
class RoutingRow:
    """A routing key, in lower case, as it is kept."""

    key: str
    policy_ids: tuple[int, ...]
    opening_types: frozenset[MessageType]


def list_routing(tx: Tx) -> list[RoutingRow]:
    """Return the routing keys in order, the default routing first."""
    policies = _policies(tx)
    return [
        RoutingRow(row.key, tuple(policies[row.key]), parse_opening_types(row.opening_types))
        for row in tx.core.execute(sa.select(_K).order_by(_K.c.key))
    ]


def _policies(tx: Tx) -> Mapping[str, Sequence[int]]:
    policies: dict[str, list[int]] = defaultdict(list)
    for row in tx.core.execute(sa.select(_P).order_by(_P.c.key, _P.c.position)):
        policies[row.key].append(row.policy_id)
    return policies


def put_routing(tx: Tx, row: RoutingRow) -> None:
    """Save a routing key, new or known."""
    delete_routing(tx, row.key)
    opening_types = format_opening_types(row.opening_types)
    tx.core.execute(_K.insert(), {"key": row.key, "opening_types": opening_types})
    targets = [
        {"key": row.key, "position": position, "policy_id": policy_id}
        for position, policy_id in enumerate(row.policy_ids)
    ]
    if targets:
        tx.core.execute(_P.insert(), targets)


def delete_routing(tx: Tx, key: str) -> None:
    tx.core.execute(_P.delete().where(_P.c.key == key))
    tx.core.execute(_K.delete().where(_K.c.key == key))
