"""What fails alone waits, is told loudly and never dropped; everything else goes on meanwhile."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

import pytest
from tests.behaviour.harness import Tocsin, until

from tocsin.engine.runner import SLICE
from tocsin.engine.tick import Part, Tick
from tocsin.store import schema

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Spell:
    """A row that the database will not let change, as one that is damaged would not."""

    table: str
    event: str
    when: str
    name: str = "spell"

    def cast(self, tocsin: Tocsin) -> None:
        trigger = f"CREATE TRIGGER {self.name} BEFORE {self.event} ON {self.table}"
        with tocsin.another_program() as other:
            if not tocsin.is_on_postgresql:
                other.exec_driver_sql(
                    f"{trigger} WHEN {self.when} BEGIN SELECT RAISE(ABORT, 'the row is damaged'); END"
                )
                return
            other.exec_driver_sql(
                f"CREATE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"IF {self.when} THEN RAISE check_violation USING MESSAGE = 'the row is damaged'; "
                "END IF; RETURN NEW; END $$"
            )
            other.exec_driver_sql(f"{trigger} FOR EACH ROW EXECUTE FUNCTION {self.name}()")

    def lift(self, tocsin: Tocsin) -> None:
        with tocsin.another_program() as other:
            if tocsin.is_on_postgresql:
                other.exec_driver_sql(f"DROP FUNCTION {self.name} CASCADE")
            else:
                other.exec_driver_sql(f"DROP TRIGGER {self.name}")


OF_INCIDENT_2 = schema.escalations.c.incident == 2
OF_2 = "(SELECT id FROM deliveries WHERE incident = 2)"
ESCALATION = Spell("escalations", "UPDATE", "NEW.incident = 2")
STEP = Spell("escalations", "UPDATE", "NEW.incident = 2 AND NEW.next_step <> OLD.next_step")
HOLD = Spell("incidents", "UPDATE", "NEW.number = 2 AND NEW.status = 'triggered'")
LEASE = Spell("deliveries", "UPDATE", "NEW.incident = 2 AND NEW.state = 'sending'")
OUTCOME = Spell("attempts", "INSERT", f"NEW.delivery_id IN {OF_2}")


async def three(tocsin: Tocsin, *steps: tuple[str, list[str]]) -> None:
    """Three incidents that go alike; and a policy for what Tocsin reports of itself."""
    policies = {"main": list(steps) or [("0s", ["pager"])], "admins": [("0s", ["admin"])]}
    await tocsin.configure(policies, keys={"db": ["main"]}, default=["admins"])
    for entity in ("one", "two", "three"):
        await tocsin.alert(entity_id=entity)


async def poison_reason(tocsin: Tocsin) -> list[str]:
    answer = (await tocsin.http.get("/readyz")).json()
    return [each["message"] for each in answer["reasons"] if each["code"] == "poison"]


async def poisonings(tocsin: Tocsin) -> list[str]:
    """Return what the timeline tells, once nobody is about to tell, and whoever is paged for it was."""
    await tocsin.flush()
    await tocsin.settle()
    return [each["text"] for each in await tocsin.entries(2, "poisoned")]


async def check_loud(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture, *, pipeline: str, said: str, event: str
) -> None:
    """On its timeline, in a metric, in readiness, in the log, and as an incident that pages."""
    (text,) = await poisonings(tocsin)
    assert said in text
    assert "the row is damaged" in text
    assert said in (await tocsin.why("two"))["text"]
    assert await tocsin.metric(f'tocsin_poison_total{{pipeline="{pipeline}"}}') == 1
    (reason,) = await poison_reason(tocsin)
    assert reason.startswith("1 item fails again and again")
    (logged,) = [each for each in caplog.records if each.message == event]
    assert logged.levelno == logging.ERROR
    (report,) = [
        each
        for each in (await tocsin.get("incidents"))["items"]
        if each["entity_id"].startswith("tocsin/poison/")
    ]
    assert report["number"] == 4
    assert tocsin.receiver.count("/admin") == 1


async def test_a_step_that_cannot_fire_waits_and_the_others_fire(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """Found among those that are due with it; when it can, it fires."""
    await three(tocsin, ("1m", ["pager"]))
    STEP.cast(tocsin)
    await tocsin.advance(minutes=1)
    assert tocsin.called_about("one") == tocsin.called_about("three") == ["/pager"]
    assert tocsin.called_about("two") == []
    await check_loud(
        tocsin,
        caplog,
        pipeline="escalate",
        said="ops/main, step 1 of 1, could not be fired",
        event="escalation.poisoned",
    )
    # The search was in ever smaller slices; what comes next is not.
    assert set(tocsin.server.engine.runner._limits.values()) == {SLICE}
    STEP.lift(tocsin)
    await tocsin.advance(seconds=59)
    assert tocsin.called_about("two") == []
    await tocsin.advance(seconds=1)
    assert tocsin.called_about("two") == ["/pager"]
    assert await poison_reason(tocsin) == []


async def test_a_hold_that_cannot_end_waits_and_the_others_end(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """At their instant, and not five seconds later; the one stays held until it can end."""
    await three(tocsin, ("1h", ["pager"]))
    for number in (1, 2, 3):
        await tocsin.act(number, "hold", **{"for": "1m"})
    HOLD.cast(tocsin)
    await tocsin.advance(minutes=1)
    statuses = [(await tocsin.incident(number))["status"] for number in (1, 2, 3)]
    assert statuses == ["triggered", "acknowledged", "triggered"]
    await check_loud(
        tocsin,
        caplog,
        pipeline="escalate",
        said="The hold is over and could not be ended",
        event="hold.poisoned",
    )
    HOLD.lift(tocsin)
    await tocsin.advance(minutes=1)
    assert (await tocsin.incident(2))["status"] == "triggered"
    assert await poison_reason(tocsin) == []


async def test_a_delivery_that_cannot_be_leased_waits_and_the_others_are_sent(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """Its webhook's other deliveries too; when it can, it is sent."""
    tocsin.receiver.answer("/pager", 500, 500, 500, 200)
    await three(tocsin)
    LEASE.cast(tocsin)
    await tocsin.advance(seconds=3)
    states = {each["incident"]: each["state"] for each in await tocsin.deliveries(webhook="pager")}
    assert states == {1: "delivered", 2: "pending", 3: "delivered"}
    await check_loud(
        tocsin,
        caplog,
        pipeline="deliver",
        said="to pager could not be sent",
        event="delivery.poisoned",
    )
    LEASE.lift(tocsin)
    await tocsin.advance(minutes=1)
    assert len(tocsin.called_about("two")) == 2
    assert await poison_reason(tocsin) == []


async def test_an_outcome_that_cannot_be_recorded_waits_and_the_others_are(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is sent again for it: when it can be recorded, it is, with its own instants."""
    tocsin.receiver.hold("/pager")
    await three(tocsin)
    OUTCOME.cast(tocsin)
    tocsin.receiver.let_go("/pager")
    await tocsin.receiver.wait_for(4)
    await tocsin.settle()
    of_pager = await tocsin.deliveries(webhook="pager")
    assert [each["state"] for each in of_pager] == ["delivered", "sending", "delivered"]
    await check_loud(
        tocsin,
        caplog,
        pipeline="deliver",
        said="What became of attempt 1 to pager could not be recorded",
        event="attempt.not_recorded",
    )
    about_it = await tocsin.why(of_pager[1]["id"])
    assert "could not be recorded" in about_it["text"]

    await tocsin.advance(minutes=1)
    assert len(await poisonings(tocsin)) == 2
    OUTCOME.lift(tocsin)
    await tocsin.advance(minutes=4, seconds=59)
    assert (await tocsin.deliveries(webhook="pager"))[1]["state"] == "sending"
    await tocsin.advance(seconds=1)
    (attempt,) = (await tocsin.deliveries(webhook="pager"))[1]["attempts"]
    assert attempt["outcome"] == "delivered"
    assert tocsin.called_about("two") == ["/pager"]
    assert await poison_reason(tocsin) == []


async def test_an_outcome_that_waits_does_not_keep_the_server_from_stopping(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """It is unknown to the next start, and the delivery sent again with its id."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert(entity_id="one")
    tocsin.receiver.hold("/pager")
    await tocsin.alert(entity_id="two")
    OUTCOME.cast(tocsin)
    tocsin.receiver.let_go("/pager")
    await tocsin.settle()
    assert len(await poisonings(tocsin)) == 1
    OUTCOME.lift(tocsin)
    held_back = list(tocsin.server.engine.courier._held_back.values())
    await tocsin.stop()
    assert "run.not_ended" not in caplog.text
    assert len(held_back) == 1
    assert all(task.cancelling() for task in held_back)
    await tocsin.start()
    await tocsin.settle()
    two = (await tocsin.deliveries())[1]
    assert [each["outcome"] for each in two["attempts"]] == ["unknown", "delivered"]
    _, first, second = tocsin.receiver.requests
    assert first.delivery_id == second.delivery_id


async def test_a_stop_waits_for_what_is_being_recorded_again(tocsin: Tocsin) -> None:
    """It is held back no more, and not on record yet."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert(entity_id="one")
    tocsin.receiver.hold("/pager")
    await tocsin.alert(entity_id="two")
    OUTCOME.cast(tocsin)
    tocsin.receiver.let_go("/pager")
    await tocsin.settle()
    OUTCOME.lift(tocsin)
    engine, go_on = tocsin.server.engine, Event()
    engine.writer.submit(lambda _tx: go_on.wait())
    tocsin.clock.advance(timedelta(minutes=1))
    await until(lambda: engine.courier.held_back == 0)
    drained = asyncio.create_task(engine.courier.drain())
    await asyncio.sleep(0)
    assert not drained.done()
    go_on.set()
    await drained
    assert [each["state"] for each in await tocsin.deliveries()] == ["delivered"] * 2


async def test_what_cannot_be_told_waits_all_the_same(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has both: what failed, and why nobody was told."""
    await three(tocsin, ("1m", ["pager"]))
    STEP.cast(tocsin)
    Spell("timeline", "INSERT", "NEW.kind = 'poisoned'", name="mute").cast(tocsin)
    await tocsin.advance(minutes=1)
    assert tocsin.called_about("three") == ["/pager"]
    assert await poisonings(tocsin) == []
    assert await poison_reason(tocsin)
    events = [each.message for each in caplog.records]
    assert "escalation.poisoned" in events
    assert "poison.not_told" in events
    STEP.lift(tocsin)
    await tocsin.advance(minutes=1)
    assert tocsin.called_about("two") == ["/pager"]


async def test_much_poison_pages_only_so_often(tocsin: Tocsin) -> None:
    """More than 20 an hour are no single things any more, and somebody knows already."""
    policies = {"main": [("1m", ["pager"])], "admins": [("0s", ["admin"])]}
    await tocsin.configure(policies, keys={"db": ["main"]}, default=["admins"])
    for number in range(25):
        await tocsin.alert(entity_id=f"{number}")
    Spell("escalations", "UPDATE", "NEW.incident <= 25 AND NEW.next_step > OLD.next_step").cast(
        tocsin
    )
    await tocsin.advance(minutes=1)
    assert await tocsin.metric('tocsin_poison_total{pipeline="escalate"}') == 25
    assert tocsin.receiver.count("/admin") == 20
    (reason,) = await poison_reason(tocsin)
    assert reason.startswith("25 items fail again and again")


async def test_an_acknowledgement_at_that_moment_lets_nobody_else_be_blamed(tocsin: Tocsin) -> None:
    """What failed waits since the transaction in which it failed, before another could be first."""
    await three(tocsin, ("1m", ["pager"]))
    STEP.cast(tocsin)
    runner = tocsin.server.engine.runner
    ticked = runner._on_tick

    def acknowledge_meanwhile(done: Tick) -> None:
        """The tick has just committed; alone it failed at the step of incident 2."""
        ticked(done)
        if Part.STEPS in done.failures and runner._limits[Part.STEPS] == 1:
            with tocsin.server.store.database.write() as tx:
                tx.core.execute(
                    schema.escalations.update().where(OF_INCIDENT_2).values(due_at=None)
                )

    runner._on_tick = acknowledge_meanwhile
    await tocsin.advance(minutes=1)
    assert tocsin.called_about("one") == tocsin.called_about("three") == ["/pager"]
    assert len(await poisonings(tocsin)) == 1
    assert await tocsin.metric('tocsin_poison_total{pipeline="escalate"}') == 1
    assert not [each for each in await tocsin.entries(3) if each["kind"] == "poisoned"]


async def test_what_cannot_even_be_postponed_holds_up_nothing_but_its_own_part(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """Retries and holds go on; the steps are tried again after five seconds, and the log has both errors."""
    await three(tocsin, ("1m", ["pager"]))
    await tocsin.act(1, "hold", **{"for": "1m"})
    ESCALATION.cast(tocsin)
    await tocsin.advance(minutes=1)
    assert (await tocsin.incident(1))["status"] == "triggered"
    events = [each.message for each in caplog.records]
    assert "escalation.poisoned" in events
    assert "poison.not_postponed" in events
    assert await poisonings(tocsin) == []
    assert tocsin.called_about("two") == tocsin.called_about("three") == []
    ESCALATION.lift(tocsin)
    await tocsin.advance(seconds=5)
    assert tocsin.called_about("two") == tocsin.called_about("three") == ["/pager"]
