"""Reopening starts new escalations from step 1, of the policies' current versions."""

import pytest
from tests.behaviour.harness import Answer, Tocsin

pytestmark = pytest.mark.anyio


def runs(incident: Answer) -> list[tuple[str, int, int, bool]]:
    """Return each escalation's policy, version, steps fired, and whether it is in force."""
    return [
        (each["policy"], each["version"], each["fired"], each["in_force"])
        for each in incident["escalations"]
    ]


async def test_a_reopened_incident_starts_again_from_step_1(tocsin: Tocsin) -> None:
    """The escalation that was at its second step stays ended; a new one begins at the first."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("5m", ["boss"])]})
    await tocsin.alert()
    await tocsin.act(1, "acknowledge")
    await tocsin.advance(minutes=10)
    answer = await tocsin.act(1, "reopen", message="not yet")
    assert (answer["status"], answer["changed"], answer["acknowledged_by"]) == (
        *("triggered", True),
        None,
    )
    assert tocsin.receiver.paths() == ["/pager", "/pager"]
    await tocsin.advance(minutes=5)
    assert tocsin.receiver.paths() == ["/pager", "/pager", "/boss"]
    assert runs(await tocsin.incident()) == [("ops/main", 1, 1, False), ("ops/main", 1, 2, True)]


async def test_it_starts_the_policies_that_ran_in_their_current_versions(tocsin: Tocsin) -> None:
    """Not those that the routing key leads to by then: those that it had, as they are by now."""
    steps = {"one": [("1m", ["pager"])], "two": [("1m", ["phone"])], "new": [("1m", ["other"])]}
    await tocsin.configure(steps, keys={"db": ["one", "two"], "new": ["new"]})
    await tocsin.alert()
    await tocsin.act(1, "acknowledge")
    steps["two"] = [("2m", ["mail"])]
    await tocsin.configure(steps, keys={"db": ["new"], "new": ["one", "two"]})
    await tocsin.act(1, "reopen")

    assert runs(await tocsin.incident()) == [
        ("ops/one", 1, 0, False),
        ("ops/two", 1, 0, False),
        ("ops/one", 1, 0, True),
        ("ops/two", 2, 0, True),
    ]
    await tocsin.advance(minutes=1)
    await tocsin.advance(minutes=1)
    assert tocsin.receiver.paths() == ["/pager", "/mail"]


async def test_a_policy_that_was_deleted_meanwhile_is_named(tocsin: Tocsin) -> None:
    """It cannot start, and the timeline says which and why."""
    await tocsin.configure(
        {"one": [("1m", ["pager"])], "two": [("1m", ["phone"])]}, keys={"db": ["one", "two"]}
    )
    await tocsin.alert()
    await tocsin.act(1, "acknowledge")
    await tocsin.configure({"one": [("1m", ["pager"])]}, prune=True)
    await tocsin.act(1, "reopen")
    (entry,) = await tocsin.entries(1, "escalation_not_started")
    assert entry["text"] == "ops/two was not started: it was deleted."
    (reopened,) = await tocsin.entries(1, "reopened")
    assert reopened["text"] == "Reopened by local; it starts ops/one."
    await tocsin.advance(minutes=1)
    assert tocsin.receiver.paths() == ["/pager"]


async def test_what_was_true_when_it_opened_stays_true(tocsin: Tocsin) -> None:
    """Its routing key and its policy were deleted since: nothing says that none was ever set."""
    await tocsin.configure({"one": [("1m", ["pager"])]}, keys={"db": ["one"]})
    await tocsin.alert()
    await tocsin.act(1, "acknowledge")
    await tocsin.configure({"two": [("1m", ["pager"])]}, default=["two"], keys={})
    await tocsin.call("DELETE", "routing-keys/db")
    await tocsin.call("DELETE", "policies/ops/one")
    await tocsin.act(1, "reopen")

    *_, reopened, not_started, nobody = [each["text"] for each in await tocsin.entries(1)]
    assert reopened == "Reopened by local; it starts no policy."
    assert not_started == "ops/one was not started: it was deleted."
    assert nobody == "Nobody is left to page: no policy could be started."
    (routed,) = [
        each["text"]
        for each in (await tocsin.why("disk"))["sentences"]
        if each["topic"] == "routed"
    ]
    assert routed == "Routing key 'db' led to ops/one."


async def test_a_stopped_escalation_does_nothing_any_more(tocsin: Tocsin) -> None:
    """After reopening, neither its steps nor its late answers move what runs now."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("5m", ["boss"])]})
    tocsin.receiver.hold("/pager")
    tocsin.receiver.answer("/pager", 500)
    await tocsin.alert()
    await tocsin.advance(minutes=1)
    await tocsin.act(1, "acknowledge")
    await tocsin.act(1, "reopen")
    await tocsin.advance(minutes=4)
    assert "/boss" not in tocsin.receiver.paths()

    tocsin.receiver.let_go("/pager")
    await tocsin.settle()
    stopped, running = await tocsin.deliveries(webhook="pager")
    assert (stopped["state"], stopped["end_reason"]) == ("cancelled", "acknowledged")
    assert running["state"] == "pending"
    await tocsin.advance(minutes=1)
    assert tocsin.receiver.count("/boss") == 1
