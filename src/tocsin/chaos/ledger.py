"""What the outside knows of a run: what was sent and how it was answered, and each request that arrived.

Nothing here comes from what is killed but its answers and its requests. Instants are readings of the
monotonic clock, which all processes of a machine share.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

UNANSWERED = 0
"""Stands for the status of an answer where a receiver gave none."""
REFUSED = 401


class Arrival(NamedTuple):
    """A request that reached a receiver, as that reports it before it answers."""

    delivery: str
    incident: int
    entity: str
    path: str
    at: float
    """Units: seconds, by the monotonic clock."""
    status: int
    """Of the answer that it was about to give."""

    @property
    def was_taken(self) -> bool:
        return 200 <= self.status <= 299


@dataclass
class Ledger:
    """Kept by the process that kills, in its memory."""

    sent: set[str] = field(default_factory=set)
    """The entities of alerts that left."""
    accepted: dict[str, float] = field(default_factory=dict)
    """When the alert about each entity was answered 200."""
    acknowledged: dict[str, float] = field(default_factory=dict)
    """When the acknowledgement of each entity's incident was answered 200."""
    turned_away: Counter[int] = field(default_factory=Counter)
    """Answers other than 200, by status."""
    arrivals: dict[str, list[Arrival]] = field(default_factory=lambda: defaultdict(list))
    """By delivery id, in order."""
    incidents: dict[str, int] = field(default_factory=dict)
    """The incident of each entity, as the first request about it says."""
    unverified: int = 0
    """Requests whose signature was wrong."""

    def arrived(self, arrival: Arrival) -> None:
        if arrival.status == REFUSED:
            self.unverified += 1
            return
        self.arrivals[arrival.delivery].append(arrival)
        self.incidents.setdefault(arrival.entity, arrival.incident)

    @property
    def requests(self) -> int:
        """How many requests arrived."""
        return sum(map(len, self.arrivals.values()))

    def ids_by_receiver(self) -> Mapping[tuple[str, str], set[str]]:
        """Return the delivery ids that told each receiver's path of each entity."""
        ids: dict[tuple[str, str], set[str]] = defaultdict(set)
        for arrivals in self.arrivals.values():
            for arrival in arrivals:
                ids[arrival.entity, arrival.path].add(arrival.delivery)
        return ids
