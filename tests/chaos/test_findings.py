"""The judgement says what is wrong: each kind of loss, and each repeat that nobody could know."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin.chaos.findings import Back, Findings, History, Kill, OnRecord, Percentiles, judge
from tocsin.chaos.ledger import REFUSED, Arrival, Ledger
from tocsin.chaos.uptime import DATABASE, Uptime
from tocsin.store.evidence import Acknowledged, Evidence

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
STEPS = 2
RUN = 77


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def delivery(id_: str, step: int, *, incident: int = 1, **others: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "incident": incident,
        "webhook": f"w0-{step}",
        "state": "delivered",
        "planned_at": at(step).isoformat(),
        "created_at": at(step + 0.25).isoformat(),
        "attempts": [{"first_byte_at": at(step + 0.5).isoformat()}],
        **others,
    }


class Case:
    """One incident of two steps, about `disk`, that went well; a test then spoils something."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.ledger.sent.add("disk")
        self.ledger.accepted["disk"] = 0.0
        self.arrive("dlv_1", 0)
        self.arrive("dlv_2", 1)
        self.incidents = [{"entity_id": "disk", "number": 1, "status": "triggered"}]
        self.deliveries = [delivery("dlv_1", 0), delivery("dlv_2", 1)]
        self.feed: list[tuple[Any, ...]] = [
            ("timeline", 1, 5),
            ("paged", 1, 1, 0),
            ("attempted", 1, 1, 1),
            ("paged", 1, 1, 1),
            ("attempted", 1, 2, 1),
        ]
        self.acknowledged: dict[int, Acknowledged] = {}
        self.taken_over: dict[int, datetime] = {}
        self.kills: list[Kill] = []
        self.recovering, self.answering = Uptime(), Uptime()
        self.back: list[Back] = []
        self.ended = 0
        self.had_time = True

    def arrive(self, id_: str, step: int, *, after: float = 1.0, status: int = 200) -> None:
        self.ledger.arrived(Arrival(id_, 1, "disk", f"/0/{step}", after, status))

    def acknowledge(self, *, in_flight: int, place: int) -> None:
        """Put an acknowledgement at this place of the feed."""
        self.ledger.acknowledged["disk"] = 2.0
        self.incidents[0]["status"] = "acknowledged"
        self.acknowledged[6] = Acknowledged(1, in_flight)
        self.feed.insert(place, ("timeline", 1, 6))

    def judge(self) -> Findings:
        evidence = Evidence(self.feed, self.acknowledged, self.taken_over)
        record = OnRecord(self.incidents, self.deliveries, evidence, self.had_time)
        history = History(
            kills=self.kills,
            recovering=self.recovering,
            answering=self.answering,
            database_back=self.back,
            ended_by_themselves=self.ended,
        )
        return judge(self.ledger, record, history, steps=STEPS)


@pytest.fixture
def case() -> Case:
    return Case()


def test_what_went_well_is_a_proof(case: Case) -> None:
    """Nothing lost, nothing twice; how late it was is measured from the plan."""
    found = case.judge()
    assert found.is_proof, found.examples
    assert (found.accepted, found.delivered, found.requests, found.repeats) == (1, 2, 2, 0)
    assert found.fired_late == Percentiles(0.25, 0.25, 0.25, 0.25)
    assert found.sent_late == Percentiles(0.5, 0.5, 0.5, 0.5)
    assert found.recovery_seconds_max is None


def test_an_alert_without_an_incident_is_lost(case: Case) -> None:
    """It was answered 200."""
    case.ledger.accepted["cpu"] = 1.0
    assert (case.judge().lost, case.judge().is_proof) == (1, False)


def test_an_acknowledgement_that_is_not_in_force_is_lost(case: Case) -> None:
    """It was answered 200, and the incident is triggered."""
    case.ledger.acknowledged["disk"] = 9.0
    assert case.judge().lost == 1


def test_a_step_that_never_fired_is_lost(case: Case) -> None:
    """Unless somebody acknowledged, or the run was interrupted before it was due."""
    del case.deliveries[1]
    case.ledger.arrivals.pop("dlv_2")
    assert case.judge().lost == 1
    case.had_time = False
    assert case.judge().lost == 0
    case.had_time = True
    case.acknowledge(in_flight=0, place=3)
    del case.feed[4:]
    assert case.judge().lost == 0


@pytest.mark.parametrize("state", ["pending", "sending", "failed"])
def test_a_delivery_that_did_not_end_well_is_lost(case: Case, state: str) -> None:
    """One that waits is not, when the run was interrupted; it is told apart."""
    case.deliveries[0]["state"] = state
    assert case.judge().lost == 1
    case.had_time = False
    found = case.judge()
    assert (found.lost, found.unfinished) == ((1, 0) if state == "failed" else (0, 1))


def test_a_delivery_that_nobody_took_is_lost(case: Case) -> None:
    """Delivered on record, and every receiver that got it failed."""
    case.ledger.arrivals["dlv_1"] = [Arrival("dlv_1", 1, "disk", "/0/0", 1.0, 500)]
    assert case.judge().lost == 1


def test_a_repeat_with_its_id_is_counted_and_no_harm(case: Case) -> None:
    """One after the receiver took it is told apart from one that it asked for by failing."""
    case.arrive("dlv_1", 0)
    case.ledger.arrivals["dlv_2"].insert(0, Arrival("dlv_2", 1, "disk", "/0/1", 0.5, 500))
    found = case.judge()
    assert (found.repeats, found.repeats_after_taken, found.is_proof) == (2, 1, True)


def test_a_repeat_under_another_id_is_found(case: Case) -> None:
    """It is unknown to the record, and the receiver was told of a step twice."""
    case.arrive("dlv_9", 0)
    found = case.judge()
    assert (found.unknown_repeats, found.fired_twice, found.is_proof) == (1, 1, False)


def test_a_step_that_fired_twice_is_found_on_record(case: Case) -> None:
    """By its two deliveries, and by what the feed says was paged."""
    case.deliveries.append(delivery("dlv_3", 1, state="cancelled"))
    assert case.judge().fired_twice == 1
    case.feed.append(("paged", 1, 1, 1))
    assert case.judge().fired_twice == 2


def test_two_incidents_of_an_entity_are_found(case: Case) -> None:
    """They would page twice for one thing."""
    case.incidents.append({"entity_id": "disk", "number": 2, "status": "acknowledged"})
    assert case.judge().fired_twice == 1


def test_what_was_under_way_at_an_acknowledgement_may_arrive(case: Case) -> None:
    """As many attempts as its transaction counted."""
    case.acknowledge(in_flight=1, place=4)
    case.ledger.arrivals["dlv_2"][0] = Arrival("dlv_2", 1, "disk", "/0/1", 2.5, 200)
    found = case.judge()
    assert (found.leased_after_acknowledge, found.in_flight_at_acknowledge) == (0, 1)
    assert found.is_proof


def test_an_attempt_leased_after_an_acknowledgement_is_found_on_record(case: Case) -> None:
    """More of them are recorded behind it than were under way."""
    case.acknowledge(in_flight=0, place=4)
    assert (case.judge().leased_after_acknowledge, case.judge().is_proof) == (1, False)


def test_an_attempt_leased_after_an_acknowledgement_is_found_by_who_got_it(case: Case) -> None:
    """More of them arrive after its answer than were under way, whatever the record says."""
    case.acknowledge(in_flight=0, place=5)
    assert case.judge().leased_after_acknowledge == 0
    case.arrive("dlv_2", 1, after=2.5)
    assert case.judge().leased_after_acknowledge == 1


def test_a_wrong_signature_is_no_proof(case: Case) -> None:
    """Every request is verified."""
    case.ledger.arrived(Arrival("dlv_1", 0, "", "/0/0", 1.0, REFUSED))
    found = case.judge()
    assert (found.unverified, found.requests, found.is_proof) == (1, 2, False)


def test_a_server_that_ended_by_itself_is_no_proof(case: Case) -> None:
    """Whatever became of its work."""
    case.ended = 1
    assert not case.judge().is_proof


def test_a_recovery_counts_while_something_could_recover(case: Case) -> None:
    """From the death to the takeover, without the time in which no node or no database was up."""
    case.kills = [Kill("node-1", at(10), RUN), Kill("receiver-1", at(11))]
    case.taken_over = {RUN: at(20)}
    case.recovering.changed(DATABASE, at(0), is_up=True)
    case.recovering.changed("node-1", at(0), is_up=True)
    case.recovering.changed("node-1", at(10), is_up=False)
    case.recovering.changed("node-2", at(13), is_up=True)
    case.recovering.changed(DATABASE, at(15), is_up=False)
    case.recovering.changed(DATABASE, at(16.5), is_up=True)
    found = case.judge()
    assert found.recovery_seconds_max == 2 + 3.5
    assert found.recovery_seconds_in_all_max == 10


def test_the_databases_return_is_measured_by_alerts(case: Case) -> None:
    """To the next one that is accepted, as long as a node answers."""
    case.back = [Back(at(5), 105.0)]
    case.ledger.accepted.update(before=104.0, later=107.0, last=109.0)
    case.incidents += [
        {"entity_id": name, "number": number, "status": "acknowledged"}
        for number, name in enumerate(("before", "later", "last"), 2)
    ]
    case.answering.changed(DATABASE, at(5), is_up=True)
    case.answering.changed("node-1", at(5.5), is_up=True)
    assert case.judge().database_recovery_seconds_max == 1.5


def test_percentiles_are_measured_values() -> None:
    """The nearest rank: no value is made up between two."""
    assert Percentiles.of(range(1, 201)) == Percentiles(100, 190, 198, 200)
    assert Percentiles.of([3.0]) == Percentiles(3.0, 3.0, 3.0, 3.0)
    assert Percentiles.of([]) == Percentiles(None, None, None, None)
