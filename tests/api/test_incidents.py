"""People and programs look at incidents and act on them."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from tests.api.harness import Harness
from tests.api.test_access import check_error

from tocsin.domain.principal import Scope
from tocsin.store.timeline import list_timeline

ACTOR = "token:can-respond"


def act(harness: Harness, action: str, body: Any = None, *, number: int | str = "") -> Any:
    path = f"incidents/{number}/{action}" if number else f"incidents/{action}"
    return harness.ask("POST", path, body, scope=Scope.RESPOND)


def kinds(harness: Harness, number: int) -> list[str]:
    items = harness.ask("GET", f"incidents/{number}/timeline").json()["items"]
    return [each["kind"] for each in items]


def test_an_incident_is_shown_with_what_comes_next(harness: Harness) -> None:
    """Its words, its entity, its escalations, and when each fires what."""
    number = harness.open_incident("db-1/disk", state_message="92% full", host_name="db-1")

    shown = harness.ask("GET", f"incidents/{number}", scope=Scope.READ).json()

    assert shown["status"] == "triggered"
    assert (shown["entity_id"], shown["title"], shown["message"]) == (
        "db-1/disk",
        "db-1/disk",
        "92% full",
    )
    assert shown["headline"] == {
        "reason": "not_yet",
        "text": "Nobody has been called yet; next, ops/primary, step 1 of 2, calls pager at once, "
        "as planned for 2026-11-02 03:00:00.000Z; triggered since 2026-11-02 03:00:00.000Z.",
        "next_at": "2026-11-02T03:00:00.000000Z",
    }
    assert shown["opened_at"] == "2026-11-02T03:00:00.000000Z"
    assert shown["first_alert"].startswith("alr_")
    (escalation,) = shown["escalations"]
    assert (escalation["policy"], escalation["fired"], escalation["of"]) == ("ops/primary", 0, 2)
    assert escalation["next"] == {
        "place": {"step": 1, "steps": 2, "cycle": 1, "cycles": 1},
        "due_at": "2026-11-02T03:00:00.000000Z",
        "sooner_at": None,
        "webhooks": ["pager"],
    }


def test_incidents_are_filtered(harness: Harness) -> None:
    """By status, entity, routing key and silence, alone or together."""
    first, second = harness.open_incident("a"), harness.open_incident("b")
    act(harness, "resolve", number=first)

    def numbers(**filters: Any) -> list[int]:
        items = harness.ask("GET", "incidents", params=filters).json()["items"]
        return [each["number"] for each in items]

    assert numbers() == [second, first]
    assert numbers(status="resolved") == [first]
    assert numbers(status="triggered") == [second]
    assert numbers(entity_id="a") == [first]
    assert numbers(entity_id="a", status="triggered") == []
    assert numbers(routing_key="DB") == [second, first]
    assert numbers(routing_key="other") == []
    assert numbers(nobody_left="true") == []
    assert numbers(nobody_left="false") == [second, first]


def test_a_list_stays_in_place_while_incidents_come(harness: Harness) -> None:
    """Pages read one after the other neither repeat nor miss what was there at the start."""
    there = [harness.open_incident(f"entity-{n}") for n in range(5)]
    seen: list[int] = []
    cursor = None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = harness.ask("GET", "incidents", params=params).json()
        seen += [each["number"] for each in page["items"]]
        harness.open_incident(f"later-{len(seen)}")
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == there[::-1]


def test_a_page_that_ends_with_the_list_is_the_last(harness: Harness) -> None:
    """No cursor leads to an empty page."""
    for entity_id in ("a", "b"):
        harness.open_incident(entity_id)
    page = harness.ask("GET", "incidents", params={"limit": 2}).json()
    assert (len(page["items"]), page["next_cursor"]) == (2, None)


def test_acknowledging_says_who_and_whether_it_is_new(harness: Harness) -> None:
    """The answer is the incident as it is now; a repeat succeeds and changes nothing."""
    number = harness.open_incident()

    answer = act(harness, "acknowledge", {"message": "on it"}, number=number)
    again = act(harness, "acknowledge", number=number)

    assert answer.status_code == again.status_code == 200
    assert (answer.json()["status"], answer.json()["changed"]) == ("acknowledged", True)
    assert answer.json()["acknowledged_by"] == ACTOR
    assert (again.json()["status"], again.json()["changed"]) == ("acknowledged", False)
    entries = harness.ask("GET", f"incidents/{number}/timeline").json()["items"]
    assert [each["kind"] for each in entries] == ["opened", "acknowledged"]
    assert entries[1]["actor"] == ACTOR
    assert entries[1]["detail"]["message"] == "on it"
    assert harness.ask("GET", "upcoming").json()["items"] == []


@pytest.mark.parametrize("action", ["acknowledge", "hold", "resolve", "reroute"])
def test_what_stops_a_page_goes_ahead_of_what_waits(harness: Harness, action: str) -> None:
    """Alerts that are to be stored make no acknowledgement wait."""
    number = harness.open_incident()
    body = {"hold": {"for": "1h"}, "reroute": {"policies": ["ops/second"]}}.get(action)
    released = threading.Event()
    harness.writer.submit(lambda _: released.wait(timeout=30))
    # Begun, so that both pieces after it wait together.
    while harness.writer.waiting:
        pass
    seen = harness.writer.submit(lambda tx: [each.kind for each in list_timeline(tx, number)])
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(act, harness, action, body, number=number)
        while harness.writer.waiting < 2:
            pass
        released.set()
        assert answer.result(timeout=30).json()["changed"] is True
    assert len(seen.result(timeout=30)) == 2


@pytest.mark.parametrize("until", [{"for": "1h"}, {"until": "2026-11-02T05:00:00+01:00"}])
def test_holding_ends_by_itself(harness: Harness, until: dict[str, str]) -> None:
    """For a length of time or until an instant, in any time zone."""
    number = harness.open_incident()
    answer = act(harness, "hold", until, number=number).json()
    assert (answer["status"], answer["changed"]) == ("acknowledged", True)
    assert answer["held_until"] == "2026-11-02T04:00:00.000000Z"
    (item,) = harness.ask("GET", "upcoming").json()["items"]
    assert (item["what"], item["incident"], item["due_at"]) == (
        "hold_end",
        number,
        "2026-11-02T04:00:00.000000Z",
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"for": "1h", "until": "2026-11-02T04:00:00Z"}, "invalid_request"),
        ({"for": "90"}, "invalid_request"),
        ({"for": 90}, "invalid_request"),
        ({"until": "2026-11-02T04:00:00"}, "invalid_request"),
        ({"until": "tomorrow"}, "invalid_request"),
        ({"for": "8d"}, "hold_out_of_bounds"),
        ({"until": "2026-11-02T02:00:00Z"}, "hold_out_of_bounds"),
    ],
)
def test_a_hold_that_cannot_be_meant_is_refused(
    harness: Harness, body: dict[str, Any], code: str
) -> None:
    """422, and the incident stays as it is."""
    number = harness.open_incident()
    check_error(act(harness, "hold", body, number=number), 422, code)
    assert harness.ask("GET", f"incidents/{number}").json()["status"] == "triggered"


def test_an_incident_goes_through_its_states(harness: Harness) -> None:
    """Acknowledge, reopen, reroute, resolve; and nothing more after that."""
    number = harness.open_incident()
    for action, body, status in (
        ("acknowledge", None, "acknowledged"),
        ("reopen", None, "triggered"),
        ("reroute", {"policies": ["ops/second"]}, "triggered"),
        ("resolve", {"message": "done"}, "resolved"),
    ):
        answer = act(harness, action, body, number=number).json()
        assert (answer["status"], answer["changed"]) == (status, True), action

    error = check_error(act(harness, "reopen", number=number), 409, "illegal_transition")
    assert error["fields"]["incident"] == number
    assert kinds(harness, number) == [
        "opened",
        "acknowledged",
        "reopened",
        "rerouted",
        "resolved",
    ]
    escalations = harness.ask("GET", f"incidents/{number}").json()["escalations"]
    assert [(each["policy"], each["in_force"], each["end_reason"]) for each in escalations] == [
        ("ops/primary", False, "acknowledged"),
        ("ops/primary", False, "rerouted"),
        ("ops/second", True, "resolved"),
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "policies_not_chosen"),
        ({"policies": ["ops/second"], "routing_key": "db"}, 422, "policies_not_chosen"),
        ({"policies": ["ops/third"]}, 404, "policy_not_found"),
        ({"routing_key": "nowhere"}, 404, "routing_key_not_found"),
    ],
)
def test_rerouting_names_policies_that_exist_or_one_routing_key(
    harness: Harness, body: dict[str, Any], status: int, code: str
) -> None:
    """Otherwise it is refused, also when an incident is opened by hand."""
    number = harness.open_incident()
    check_error(act(harness, "reroute", body, number=number), status, code)
    opening = harness.ask("POST", "incidents", {"summary": "x", **body}, scope=Scope.RESPOND)
    check_error(opening, status, code)


def test_several_are_acknowledged_or_resolved_at_once(harness: Harness) -> None:
    """A result for each number, in the order asked; a bad one spoils nothing."""
    first, second = harness.open_incident("a"), harness.open_incident("b")
    act(harness, "acknowledge", number=first)

    answer = act(harness, "acknowledge", {"numbers": [999, second, first]}).json()["results"]
    assert [(each["number"], each["changed"]) for each in answer] == [
        (999, False),
        (second, True),
        (first, False),
    ]
    assert answer[0]["incident"] is None
    assert answer[0]["error"]["code"] == "incident_not_found"
    assert answer[1]["incident"]["status"] == "acknowledged"
    assert answer[1]["error"] is None

    results = act(harness, "resolve", {"numbers": [first, second], "message": "both"}).json()
    assert [each["incident"]["status"] for each in results["results"]] == ["resolved"] * 2


def test_a_refusal_of_an_empty_text_speaks_of_characters(harness: Harness) -> None:
    """Not of items, as a list has them."""
    answer = harness.ask("POST", "incidents", {"summary": "", "policies": ["ops/second"]})
    error = check_error(answer, 422, "invalid_request")
    assert error["fields"] == {"body.summary": "String should have at least 1 character"}


def test_an_incident_is_opened_by_hand(harness: Harness) -> None:
    """With the person's words, on the policies chosen, under a new entity, and counted."""
    answer = harness.ask(
        "POST",
        "incidents",
        {"summary": "Water in the cellar", "details": "Knee-deep", "policies": ["ops/second"]},
        scope=Scope.RESPOND,
    )
    assert answer.status_code == 201
    opened = answer.json()
    assert (opened["title"], opened["message"], opened["changed"]) == (
        "Water in the cellar",
        "Knee-deep",
        True,
    )
    (alert,) = harness.ask("GET", f"incidents/{opened['number']}/alerts").json()["items"]
    fields = harness.ask("GET", f"alerts/{alert['id']}").json()["fields"]
    assert fields["created_by"] == "can-respond"
    assert fields["VO_ORGANIZATION_ID"] == "acme"
    assert fields["entity_id"] == opened["entity_id"]
    text = harness.http.get("/metrics").text
    assert "tocsin_incidents_opened_total 1.0" in text


def test_a_timeline_is_read_in_pages_from_its_beginning(harness: Harness) -> None:
    """Oldest first; the pages together are the whole."""
    number = harness.open_incident()
    for _ in range(3):
        harness.clock.advance(timedelta(minutes=1))
        harness.post_alert({"message_type": "CRITICAL", "entity_id": "db-1"})
    whole = harness.ask("GET", f"incidents/{number}/timeline").json()
    assert whole["next_cursor"] is None
    assert [each["kind"] for each in whole["items"]] == ["opened", *["rolled_up"] * 3]

    pages = []
    cursor: str | None = ""
    while cursor is not None:
        params = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = harness.ask("GET", f"incidents/{number}/timeline", params=params).json()
        pages += page["items"]
        cursor = page["next_cursor"]
    assert pages == whole["items"]


@pytest.mark.parametrize("part", ["", "/timeline", "/alerts", "/deliveries"])
def test_an_incident_that_is_not_there_is_404(harness: Harness, part: str) -> None:
    """Whatever of it is asked for; a number that none can have is invalid."""
    check_error(harness.ask("GET", f"incidents/7{part}"), 404, "incident_not_found")
    for number in ("0", "-1", "x", str(2**70)):
        check_error(harness.ask("GET", f"incidents/{number}{part}"), 422, "invalid_request")


def test_alerts_are_found_by_entity_and_page_by_page(harness: Harness) -> None:
    """Also those that opened no incident."""
    number = harness.open_incident("a")
    harness.post_alert({"message_type": "INFO", "entity_id": "b"})
    harness.post_alert({"message_type": "WARNING", "entity_id": "a"})

    def effects(path: str, **params: Any) -> list[tuple[str, str]]:
        items = harness.ask("GET", path, params=params).json()["items"]
        return [(each["entity_id"], each["effect"]) for each in items]

    everything = [("a", "rolled_up"), ("b", "recorded"), ("a", "opened")]
    assert effects("alerts") == everything
    assert effects("alerts", entity_id="a") == [everything[0], everything[2]]
    assert effects(f"incidents/{number}/alerts") == [everything[0], everything[2]]
    cursor = harness.ask("GET", "alerts", params={"limit": 1}).json()["next_cursor"]
    assert effects("alerts", limit=1, cursor=cursor) == [everything[1]]


def test_repairs_of_an_alert_are_shown(harness: Harness) -> None:
    """What is kept differs from what was sent, and says how."""
    harness.post_alert({"message_type": "odd", "entity_id": "a", "long": "x" * 2000})
    (line,) = harness.ask("GET", "alerts").json()["items"]
    alert = harness.ask("GET", f"alerts/{line['id']}").json()
    assert {"kind": "cut", "field": "long"} in alert["repairs"]
    assert {"kind": "unknown_message_type", "field": "message_type"} in alert["repairs"]
    check_error(harness.ask("GET", "alerts/alr_0000000000000001"), 404, "alert_not_found")
    check_error(harness.ask("GET", "alerts/dlv_0000000000000001"), 404, "malformed_id")


ASKED: list[tuple[str, Callable[[int], str]]] = [
    ("entity", lambda _: "db-1"),
    ("number", lambda number: f"#{number}"),
]


@pytest.mark.parametrize(("_what", "subject"), ASKED)
def test_why_is_answered_in_sentences(
    harness: Harness, _what: str, subject: Callable[[int], str]
) -> None:
    """For programs a topic and a reason each, for people a text that begins with a title."""
    number = harness.open_incident()
    answer = harness.ask("GET", "why", params={"subject": subject(number)}).json()
    assert answer["incident"] == number
    assert answer["text"].splitlines()[0] == answer["title"]
    assert {each["topic"] for each in answer["sentences"]} >= {"received", "routed", "next"}


ODD = ("\0", "x" * 600, "\0" * 600, "\U0001f600", "#7", " ")


def test_an_entity_is_found_by_the_name_that_its_sender_gave(harness_on_both: Harness) -> None:
    """However the id was repaired before it was stored; on either database."""
    for entity_id in ODD:
        number = harness_on_both.open_incident(entity_id)
        (alert,) = harness_on_both.ask("GET", "alerts", params={"entity_id": entity_id}).json()[
            "items"
        ]
        assert alert["incident"] == number
        answer = harness_on_both.ask("GET", "why", params={"subject": entity_id})
        assert answer.status_code in (200, 404), answer.text


def test_text_that_no_database_takes_is_refused(harness_on_both: Harness) -> None:
    """422, where PostgreSQL would fail."""
    for path, name in (("incidents", "routing_key"), ("refused-alerts", "mentioning")):
        answer = harness_on_both.ask("GET", path, params={name: "a\0"})
        check_error(answer, 422, "invalid_request")
    check_error(harness_on_both.ask("GET", "deliveries?webhook=%00"), 422, "unknown_name")
    for path in ("webhooks/%00", "routes/%00", "policies/%00/%00"):
        assert harness_on_both.ask("GET", path).status_code in (200, 404)
