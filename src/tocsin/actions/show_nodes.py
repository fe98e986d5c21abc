"""The nodes that share the store, or did a day ago."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tocsin.domain.node import SILENT_FOR, Load, NodeState, count_roles
from tocsin.domain.role import ALL_ROLES, Role
from tocsin.store.database import Tx
from tocsin.store.runs import Run, list_living_roles, list_runs

GONE_SINCE: Final = timedelta(days=1)
"""How long a node that is gone is listed."""
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Node:
    """A node, by its latest run."""

    run: Run
    state: NodeState


def show_nodes(tx: Tx, now: datetime, *, own_run: int, own_load: Load) -> list[Node]:
    """Return the living nodes and, by name, those that are gone; the latest to start first.

    The node that is asked knows better than the store how it is itself.
    """
    runs = [
        _as_it_says(run, now, own_load) if run.id == own_run and run.ended_at is None else run
        for run in list_runs(tx, ended_since=now - GONE_SINCE, limit=_MOST)
    ]
    nodes = [Node(run, _state(run, now)) for run in runs]
    return list(_latest_of_each(nodes))


def _as_it_says(run: Run, now: datetime, load: Load) -> Run:
    """Return a run as it says at this instant that it is."""
    return run._replace(renewed_at=now, load=load)


def count_living(tx: Tx, now: datetime) -> dict[Role, int]:
    """Return how many living nodes have each role."""
    if tx.is_sqlite:  # one server, which says so
        return count_roles([ALL_ROLES])
    return count_roles(list_living_roles(tx, silent_since=now - SILENT_FOR))


def _state(run: Run, now: datetime) -> NodeState:
    if run.ended_at is None:
        return NodeState.LIVES if now - run.renewed_at < SILENT_FOR else NodeState.SILENT
    # Of what older code ended, nobody knows who did.
    return NodeState.LEFT if run.ended_by in (None, run.id) else NodeState.SILENT


def _latest_of_each(nodes: Sequence[Node]) -> Iterator[Node]:
    """Leave out the runs that a node has had before the one that it has."""
    living = {each.run.node for each in nodes if each.state is NodeState.LIVES}
    told: set[str] = set()
    for each in nodes:
        if each.state is NodeState.LIVES or each.run.node not in living | told:
            yield each
        told.add(each.run.node)
