"""Notes on an incident, and its move to the current versions of its policies."""

from tests.api.harness import Harness
from tests.api.test_access import check_error
from tests.api.test_incidents import ACTOR, act, kinds

from tocsin.domain.principal import Scope


def test_a_note_stands_on_the_timeline_and_changes_nothing_else(harness: Harness) -> None:
    """Of a resolved incident, too; an empty one is refused."""
    number = harness.open_incident()
    act(harness, "resolve", number=number)
    before = harness.ask("GET", f"incidents/{number}").json()
    answer = act(harness, "notes", {"text": " It was\r\nthe fan. \n"}, number=number)
    assert (answer.status_code, answer.json()["changed"]) == (201, True)
    assert harness.ask("GET", f"incidents/{number}").json() == before
    last = harness.ask("GET", f"incidents/{number}/timeline").json()["items"][-1]
    assert (last["kind"], last["actor"], last["detail"]) == (
        *("noted", ACTOR),
        {"text": "It was\nthe fan."},
    )
    assert last["text"] == "can-respond notes: It was\nthe fan."
    check_error(act(harness, "notes", {"text": " \n "}, number=number), 422, "invalid_note")
    check_error(
        act(harness, "notes", {"text": "x" * 10_001}, number=number), 422, "invalid_request"
    )
    check_error(act(harness, "notes", {"text": "x"}, number=99), 404, "incident_not_found")


def test_a_note_that_is_sent_twice_is_noted_once(harness: Harness) -> None:
    """With an Idempotency-Key; without one it may be meant twice."""
    number = harness.open_incident()
    for _ in range(2):
        harness.ask(
            *("POST", f"incidents/{number}/notes", {"text": "on it"}),
            scope=Scope.RESPOND,
            headers={"Idempotency-Key": "one"},
        )
    assert kinds(harness, number).count("noted") == 1


def test_an_incident_moves_to_the_current_version_of_its_policy(harness: Harness) -> None:
    """Once it has one; who asks again changes nothing."""
    number = harness.open_incident()
    assert act(harness, "move", number=number).json()["changed"] is False
    policy = harness.ask("GET", "policies/ops/primary").json()
    steps = [{"after": "1h", "webhooks": ["pager"]}]
    given = {"name": policy["name"], "steps": steps}
    assert harness.ask("PUT", "policies/ops/primary", given).status_code == 200
    said = {"message": "nobody is there before ten", "policies": ["ops/primary"]}
    assert act(harness, "move", said, number=number).json()["changed"] is True
    assert act(harness, "move", number=number).json()["changed"] is False
    old, new = harness.ask("GET", f"incidents/{number}").json()["escalations"]
    assert (old["version"], old["end_reason"], old["in_force"]) == (1, "moved", False)
    assert (new["version"], new["end_reason"], new["in_force"]) == (2, None, True)
