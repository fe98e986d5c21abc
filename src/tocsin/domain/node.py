"""Nodes: what there is to know of one, and whether all the work is somebody's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from tocsin.domain.role import Role

SILENT_FOR: Final = timedelta(seconds=6)
"""A run that was not renewed for so long is over: its node is taken for dead."""


class NodeState(StrEnum):
    """Whether a node does anything."""

    LIVES = "lives"
    SILENT = "silent"
    """It stopped saying that it lives; others have taken over what it sent, or are about to."""
    LEFT = "left"
    """It was stopped, and has left nothing open."""


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a node is."""

    in_flight: int = 0
    """Attempts under way."""
    waiting: int = 0
    """What waits for its database: alerts, changes and outcomes."""
    cpu_percent: int | None = None
    """Of one core; None: not measured yet."""
    clock_skew: timedelta | None = None
    """How far its machine's clock is ahead of the database's; None: it has no other to go by."""


_ABSENT: Final = {
    Role.API: "No living node takes alerts in or answers anybody",
    Role.ESCALATE: "No living node fires steps or ends holds",
    Role.DELIVER: "No living node delivers, so nothing is sent",
}


def count_roles(living: Iterable[frozenset[Role]]) -> dict[Role, int]:
    """Return how many living nodes have each role."""
    counts = dict.fromkeys(Role, 0)
    for roles in living:
        for role in roles:
            counts[role] += 1
    return counts


def absences(counts: Mapping[Role, int]) -> list[str]:
    """Return a sentence for each role that no living node has."""
    return [
        f"{_ABSENT[role]}: start one with: tocsin serve --only {role.value}"
        for role, count in counts.items()
        if not count
    ]
