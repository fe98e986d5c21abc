"""The judgement: the ledger outside, held against what the servers have on record."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final, NamedTuple

from tocsin.chaos.ledger import Ledger
from tocsin.chaos.uptime import Uptime
from tocsin.domain.wording import counted
from tocsin.store.evidence import Evidence

Json = Any
_ENDED: Final = ("delivered", "cancelled")
_PERCENTILES: Final = (50, 95, 99, 100)


class Kill(NamedTuple):
    """What was killed, and when. `run`: the server's run, if it had told."""

    name: str
    at: datetime
    run: int | None = None


class OnRecord(NamedTuple):
    """What was read back."""

    incidents: Sequence[Json]
    """As the API lists them."""
    deliveries: Sequence[Json]
    """As the API lists them, with their attempts."""
    evidence: Evidence
    had_time: bool
    """Whether everything had the time to be done; what was not, is lost."""


class Back(NamedTuple):
    """When the database could be reached again."""

    at: datetime
    monotonic: float


class History(NamedTuple):
    """What was done to the processes."""

    kills: Sequence[Kill]
    recovering: Uptime
    """When something could take over: a node that answers; where there is only one, also while it starts."""
    answering: Uptime
    database_back: Sequence[Back]
    ended_by_themselves: int
    """Servers that ended while nobody had killed them and the database was there."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Units: seconds. None: there was nothing to measure."""

    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None

    @classmethod
    def of(cls, values: Iterable[float]) -> "Percentiles":
        ordered = sorted(values)
        ranks = [-(-len(ordered) * each // 100) for each in _PERCENTILES]
        return cls(*(round(ordered[rank - 1], 4) if ordered else None for rank in ranks))


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a run showed. Units: seconds."""

    accepted: int
    """Alerts that were answered 200."""
    acknowledged: int
    """Acknowledgements that were answered 200."""
    lost: int
    """Of all that was accepted, what is not on record, or was not done."""
    fired_twice: int
    """Steps that fired again, whoever found it out."""
    delivered: int
    cancelled: int
    unfinished: int
    """Deliveries that waited when the run was interrupted."""
    requests: int
    unverified: int
    """Requests whose signature was wrong."""
    repeats: int
    """Requests beyond the first of their delivery."""
    repeats_after_taken: int
    """Those that came although one before them was to be answered 2xx."""
    unknown_repeats: int
    """Delivery ids that arrived and are not on record."""
    leased_after_acknowledge: int
    """Attempts that began although the acknowledgement had committed."""
    in_flight_at_acknowledge: int
    """Attempts that were under way when one committed, and so may have arrived after it."""
    recovery_seconds_max: float | None
    """From a server's death to the last of its attempts being taken over, while something could take over."""
    recovery_seconds_in_all_max: float | None
    """The same with the time in which nothing could, because it was dead, too."""
    database_recovery_seconds_max: float | None
    """From the database's return to the next alert that is accepted, while a node was up."""
    fired_late: Percentiles
    """Between a step's plan and its firing."""
    sent_late: Percentiles
    """Between a step's plan and the first byte of its first attempt."""
    turned_away: Mapping[str, int]
    """Answers other than 200, by status: each was sent again."""
    ended_by_themselves: int
    killed: Mapping[str, int]
    """How often, by name."""
    examples: tuple[str, ...] = field(default=(), compare=False)
    """Sentences about what is not as it should be, some of them."""

    @property
    def is_proof(self) -> bool:
        """Whether nothing was lost, nothing fired twice, and nobody was paged after an acknowledgement."""
        wrong = (self.lost, self.fired_twice, self.unknown_repeats, self.unverified)
        return not any((*wrong, self.leased_after_acknowledge, self.ended_by_themselves))

    def as_json(self) -> dict[str, Json]:
        """Return the figures for programs."""
        facts = {name: value for name, value in asdict(self).items() if name != "examples"}
        return facts | {"kills": sum(self.killed.values()), "proved": self.is_proof}


def judge(ledger: Ledger, record: OnRecord, history: History, *, steps: int) -> Findings:
    """Hold the two against each other. `steps`: how many a policy has."""
    of_incident = defaultdict(list)
    for delivery in record.deliveries:
        of_incident[delivery["incident"]].append(delivery)
    lost = [*_lost(ledger, record.incidents), *_undone(ledger, record, of_incident, steps=steps)]
    twice = list(_fired_twice(ledger, record))
    known = {delivery["id"] for delivery in record.deliveries}
    unknown = sorted(ledger.arrivals.keys() - known)
    too_late = list(_leased_after(ledger, record))
    taken_over = list(_taken_over(history, record.evidence))
    states = Counter(delivery["state"] for delivery in record.deliveries)
    examples = [lost, twice, [f"{id_} arrived and is not on record" for id_ in unknown], too_late]
    return Findings(
        accepted=len(ledger.accepted),
        acknowledged=len(ledger.acknowledged),
        lost=len(lost),
        fired_twice=len(twice),
        delivered=states["delivered"],
        cancelled=states["cancelled"],
        unfinished=states["pending"] + states["sending"],
        requests=ledger.requests,
        unverified=ledger.unverified,
        repeats=ledger.requests - len(ledger.arrivals),
        repeats_after_taken=sum(_after_taken(ledger)),
        unknown_repeats=len(unknown),
        leased_after_acknowledge=len(too_late),
        in_flight_at_acknowledge=sum(
            each.in_flight for each in record.evidence.acknowledged.values()
        ),
        recovery_seconds_max=_longest(
            history.recovering.able_seconds(died, end) for died, end in taken_over
        ),
        recovery_seconds_in_all_max=_longest(
            (end - died).total_seconds() for died, end in taken_over
        ),
        database_recovery_seconds_max=_database_recovery(ledger, history),
        fired_late=Percentiles.of(_late(record.deliveries, lambda each: each["created_at"])),
        sent_late=Percentiles.of(_late(record.deliveries, _first_byte)),
        turned_away={str(status): count for status, count in sorted(ledger.turned_away.items())},
        ended_by_themselves=history.ended_by_themselves,
        killed=dict(sorted(Counter(kill.name for kill in history.kills).items())),
        examples=tuple(sentence for each in examples for sentence in each[:5]),
    )


def _lost(ledger: Ledger, incidents: Sequence[Json]) -> Iterable[str]:
    """Yield what was accepted and is not on record."""
    status = {incident["entity_id"]: incident["status"] for incident in incidents}
    for entity in ledger.accepted:
        if entity not in status:
            yield f"{entity} was accepted and has no incident"
    for entity in ledger.acknowledged:
        if status.get(entity) == "triggered":
            yield f"{entity} was acknowledged and is triggered"


def _undone(
    ledger: Ledger, record: OnRecord, of_incident: Mapping[int, Sequence[Json]], *, steps: int
) -> Iterable[str]:
    """Yield what is on record and was not done: steps that never fired, pages that never arrived."""
    for incident in record.incidents:
        name, deliveries = incident["entity_id"], of_incident.get(incident["number"], ())
        webhooks = {delivery["webhook"] for delivery in deliveries}
        if record.had_time and incident["status"] == "triggered" and len(webhooks) < steps:
            yield f"{name} is triggered, and {len(webhooks)} of its {steps} steps fired"
        for delivery in deliveries:
            id_, state = delivery["id"], delivery["state"]
            if state not in _ENDED and (record.had_time or state == "failed"):
                yield f"{id_} of {name} is {state}"
            if state == "delivered" and not any(
                each.was_taken for each in ledger.arrivals.get(id_, ())
            ):
                yield f"{id_} of {name} is delivered, and no receiver took it"


def _fired_twice(ledger: Ledger, record: OnRecord) -> Iterable[str]:
    """Yield what was done twice: by the record, and by what the receivers saw."""
    incidents = Counter(incident["entity_id"] for incident in record.incidents)
    yield from (f"{entity} has {count} incidents" for entity, count in _several(incidents))
    paged = Counter(row[1:] for row in record.evidence.feed if row[0] == "paged")
    yield from (
        f"incident, escalation and step {key} fired {n} times" for key, n in _several(paged)
    )
    told = Counter((each["incident"], each["webhook"]) for each in record.deliveries)
    yield from (f"incident and webhook {key} have {n} deliveries" for key, n in _several(told))
    for (entity, path), ids in ledger.ids_by_receiver().items():
        if len(ids) > 1:
            yield f"{path} was told of {entity} under {len(ids)} ids"


def _several(counts: Counter[Any]) -> Iterable[tuple[Any, int]]:
    return ((key, count) for key, count in counts.items() if count > 1)


def _after_taken(ledger: Ledger) -> Iterable[int]:
    for arrivals in ledger.arrivals.values():
        taken = [place for place, arrival in enumerate(arrivals) if arrival.was_taken]
        yield len(arrivals) - 1 - taken[0] if taken else 0


def _leased_after(ledger: Ledger, record: OnRecord) -> Iterable[str]:
    """Yield the incidents with an attempt that began after the acknowledgement.

    By the record: what is put on record behind an acknowledgement, in the order of commits, is what was
    under way as it committed; its own transaction counted that. By the receivers: whatever arrives
    after the answer to an acknowledgement is one of those, too.
    """
    allowed: dict[int, int] = {}
    behind: Counter[int] = Counter()
    arrived: Counter[int] = Counter()
    for kind, incident, *key in record.evidence.feed:
        acknowledged = record.evidence.acknowledged.get(key[0]) if kind == "timeline" else None
        if acknowledged is not None:
            allowed.setdefault(incident, acknowledged.in_flight)
        elif kind == "attempted" and incident in allowed:
            behind[incident] += 1
    for arrival in chain.from_iterable(ledger.arrivals.values()):
        answered = ledger.acknowledged.get(arrival.entity)
        if answered is not None and arrival.at > answered:
            arrived[arrival.incident] += 1
    for incident, most in allowed.items():
        count = max(behind[incident], arrived[incident])
        for _ in range(count - most):
            yield f"incident {incident}: {counted(count, 'attempt')} behind its acknowledgement, {most} under way"


def _taken_over(history: History, evidence: Evidence) -> Iterable[tuple[datetime, datetime]]:
    """Yield when each server died, and when the last of its attempts was taken over, if it left any."""
    for kill in history.kills:
        end = None if kill.run is None else evidence.taken_over.get(kill.run)
        if end is not None and end > kill.at:
            yield kill.at, end


def _longest(seconds: Iterable[float]) -> float | None:
    return max((round(each, 3) for each in seconds), default=None)


def _database_recovery(ledger: Ledger, history: History) -> float | None:
    accepted = sorted(ledger.accepted.values())
    took = []
    for at, began in history.database_back:
        later = bisect_right(accepted, began)
        if later < len(accepted):
            next_at = at + timedelta(seconds=accepted[later] - began)
            took.append(history.answering.able_seconds(at, next_at))
    return _longest(took)


def _late(deliveries: Iterable[Json], real: Callable[[Json], str | None]) -> Iterable[float]:
    for delivery in deliveries:
        if (at := real(delivery)) is not None:
            planned = datetime.fromisoformat(delivery["planned_at"])
            yield (datetime.fromisoformat(at) - planned).total_seconds()


def _first_byte(delivery: Json) -> str | None:
    """Return when the first byte left that is known of; of an attempt that died with its node it is not."""
    return next(
        (each["first_byte_at"] for each in delivery["attempts"] if each["first_byte_at"]), None
    )
