"""One incident's page: what it says, and what can be done there."""

import re
from datetime import timedelta

import pytest
from tests.web.harness import Answer, People

HOSTILE = '<script>alert("x")</script>'


def opened(people: People, entity_id: str = "db-1/disk", **fields: str) -> int:
    return people.harness.open_incident(entity_id, **fields)


def words(answer: Answer) -> str:
    assert answer.status == 200, answer.words
    return answer.words


def change_the_policy(people: People) -> None:
    steps = [{"after": "1h", "webhooks": ["siren"]}]
    given = {"name": "Primary", "steps": steps}
    assert people.harness.ask("PUT", "policies/ops/primary", given).status_code == 200


def test_its_first_line_says_who_is_called_and_what_is_next(people: People) -> None:
    """Then what the alert says, the ladder with its planned steps, and the fields."""
    number = opened(people, state_message="92% full", host_name="db-1")
    shown = people.viewer.get(f"/incidents/{number}")
    said = words(shown)
    assert shown.page.headings[0] == (1, f"#{number} db-1/disk")
    assert (
        "Nobody has been called yet; next, ops/primary, step 1 of 2, calls pager at once, as planned "
        "for 03:00:00"
    ) in said
    assert "Step 2 of 2 to come calls pager and siren at 03:10:00" in said
    for each in ("92% full", "host_name db-1", "Opened by", "This is the first."):
        assert each in said
    assert shown.page.links["ops/primary"] == "/teams/ops/policies/primary"


def test_who_only_looks_is_offered_nothing_to_do(people: People) -> None:
    """A viewer reads, and copies."""
    shown = people.viewer.get(f"/incidents/{opened(people)}").page
    assert not [form for form in shown.forms if form.action.startswith("/incidents")]


def test_an_incident_is_taken_reopened_held_and_resolved(people: People) -> None:
    """Each button says what it did, and the first line follows."""
    path = f"/incidents/{opened(people)}"
    rita = people.responder
    taken = rita.post_and_follow(f"{path}/acknowledge", {"message": "on it"})
    assert "Acknowledged: nobody else is called." in taken.words
    assert "Nobody is called: rita acknowledged it at 03:00:00" in taken.words
    assert "Acknowledged by rita, who says: on it." in taken.words
    again = rita.post_and_follow(f"{path}/acknowledge")
    assert "It was acknowledged already." in again.words
    reopened = rita.post_and_follow(f"{path}/reopen")
    assert "its policies start again" in reopened.words
    held = rita.post_and_follow(f"{path}/hold", {"for": "1h", "length": "", "until": ""})
    assert "rita took it at 03:00:00 and holds it until 04:00:00" in held.words
    resolved = rita.post_and_follow(f"{path}/resolve")
    assert "Nobody is called: rita resolved it" in resolved.words
    deeds = {form.action for form in resolved.page.forms if form.action.startswith(path)}
    assert deeds == {f"{path}/note"}, "all that is left to do with a resolved one"


@pytest.mark.parametrize(
    ("fields", "until"),
    [
        ({"for": "15m"}, "03:15:00"),
        ({"for": "", "length": "90m", "until": ""}, "04:30:00"),
        ({"for": "", "length": "", "until": "2026-11-02T05:30"}, "05:30:00"),
    ],
)
def test_a_hold_is_as_long_as_one_likes(people: People, fields: dict[str, str], until: str) -> None:
    """A usual length, any other, or an instant in one's own time zone."""
    path = f"/incidents/{opened(people)}"
    assert (
        f"holds it until {until}" in people.responder.post_and_follow(f"{path}/hold", fields).words
    )


def test_an_instant_is_read_in_the_time_zone_of_who_writes_it(people: People) -> None:
    """And shown in it."""
    path = f"/incidents/{opened(people)}"
    people.responder.post("/account/time-zone", {"zone": "Europe/Berlin"})
    held = people.responder.post_and_follow(f"{path}/hold", {"until": "2026-11-02T06:30"})
    assert "holds it until 06:30:00" in held.words
    seen = people.viewer.get(path).words
    assert "holds it until 05:30:00" in seen


@pytest.mark.parametrize(
    ("deed", "fields", "why"),
    [
        ("hold", {"length": "90"}, "Is 90 seconds or minutes?"),
        ("hold", {"length": "10s"}, "hold an incident for 1m to 7d"),
        ("hold", {}, "say for how long"),
        ("hold", {"length": "1h", "until": "2026-11-02T05:30"}, "one of them"),
        ("hold", {"until": "tomorrow"}, "write an instant like"),
        ("hold", {"for": "1h", "message": "x" * 1025}, "at most 1024 characters"),
        ("reroute", {}, "name either policies"),
        ("note", {"text": "  "}, "write something"),
        ("note", {"text": "x" * 10_001}, "at most 10000 characters"),
    ],
)
def test_what_cannot_be_done_is_said_beside_the_form(
    people: People, deed: str, fields: dict[str, str], why: str
) -> None:
    """Nothing is changed, the form is open, and what was typed is still there."""
    path = f"/incidents/{opened(people)}"
    answer = people.responder.post(f"{path}/{deed}", fields)
    assert answer.status in (422, 400)
    assert why in answer.words
    assert ("details", {"id": deed, "open": ""}) in answer.page.tags
    typed = dict(answer.page.form(f"{path}/{deed}").fields)
    assert all(typed.get(name) == value for name, value in fields.items() if name == "length")
    assert "Nobody has been called yet" in answer.words


def test_rerouting_starts_the_policies_that_are_ticked(people: People) -> None:
    """The page offers all there are."""
    path = f"/incidents/{opened(people)}"
    answer = people.responder.post_and_follow(f"{path}/reroute", {"policy": ["ops/second"]})
    assert "Rerouted: ops/second now." in answer.words
    assert "next, ops/second, step 1 of 1, calls siren" in answer.words


def test_a_note_stands_on_the_timeline_as_it_was_written(people: People) -> None:
    """Its lines, and whatever looks like markup."""
    path = f"/incidents/{opened(people)}"
    answer = people.responder.post_and_follow(f"{path}/note", {"text": f"One\r\nTwo {HOSTILE}"})
    assert "Noted." in answer.words
    assert f"rita notes: One Two {HOSTILE}" in answer.words
    assert HOSTILE not in answer.text


def test_a_policy_that_has_changed_is_offered_and_moved_to(people: People) -> None:
    """The page says which version runs and which is current; one press moves it."""
    path = f"/incidents/{opened(people)}"
    assert "has changed since" not in people.responder.get(path).words
    change_the_policy(people)
    warned = people.responder.get(path)
    assert (
        "ops/primary has changed since: version 1 runs, and version 2 is current." in warned.words
    )
    assert dict(warned.page.form(f"{path}/move").fields)["policy"] == "ops/primary"
    assert "Move to version 2" not in people.viewer.get(path).words
    moved = people.responder.post_and_follow(f"{path}/move", {"policy": "ops/primary"})
    assert "has changed since" not in moved.words
    assert "moved to a newer version by rita" in moved.words
    assert "next, ops/primary, step 1 of 1, calls siren at 04:00:00" in moved.words
    again = people.responder.post_and_follow(f"{path}/move", {"policy": "ops/primary"})
    assert "Nothing was moved" in again.words


def test_annotations_are_links_only_to_the_web_and_load_nothing(people: People) -> None:
    """An image is a link that opens elsewhere without saying where it was; the rest is text."""
    fields = {
        "vo_annotate.u.Runbook": "https://wiki.example/disk",
        "vo_annotate.u.Trap": "javascript:alert(1)",
        "vo_annotate.i.Graph": "https://graph.example/1.png",
        "vo_annotate.s.Note": HOSTILE,
    }
    shown = people.viewer.get(f"/incidents/{opened(people, **fields)}")
    outside = {
        attributes["href"]: attributes
        for tag, attributes in shown.page.tags
        if tag == "a" and not attributes["href"].startswith(("/", "#"))
    }
    assert set(outside) == {"https://wiki.example/disk", "https://graph.example/1.png"}
    for attributes in outside.values():
        assert {"noreferrer", "noopener"} <= set(attributes["rel"].split())
    assert "no http or https address, so no link" in shown.words
    assert not [tag for tag, attributes in shown.page.tags if tag == "img"]
    assert HOSTILE not in shown.text


def test_earlier_incidents_of_the_entity_say_how_long_others_needed(people: People) -> None:
    """Page by page."""
    for _ in range(12):
        number = opened(people)
        people.harness.clock.advance(timedelta(minutes=2))
        people.responder.post(f"/incidents/{number}/acknowledge")
        people.harness.clock.advance(timedelta(minutes=3))
        people.responder.post(f"/incidents/{number}/resolve")
    shown = people.viewer.get(f"/incidents/{opened(people)}")
    assert "Acknowledged after" in shown.words
    assert "2 min" in shown.words
    assert "5 min" in shown.words
    assert shown.page.links["#3"] == "/incidents/3"
    assert "#2" not in shown.page.links
    older = people.viewer.get(f"/incidents/13{shown.page.links['Older'].split('#')[0]}")
    assert {"#1", "#2"} <= older.page.links.keys()


def test_all_of_it_is_there_as_text(people: People) -> None:
    """Plain text that no browser takes for a page: sentence, ladder, fields, alerts, timeline, history."""
    number = opened(people, state_message=HOSTILE, **{"vo_annotate.u.Runbook": "https://w.example"})
    people.responder.post(f"/incidents/{number}/note", {"text": "the fan"})
    answer = people.viewer.get(f"/incidents/{number}/text")
    headers = answer.response.headers
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["x-content-type-options"] == "nosniff"
    for each in (
        f"Incident #{number}: db-1/disk\nNobody has been called yet; next, ops/primary, step 1 of 2,",
        f"Message: {HOSTILE}\n",
        "Runbook: https://w.example\n",
        "Step 2 of 2 calls pager and siren 2026-11-02 03:10:00.000 UTC\n",
        "entity_id: db-1/disk\n",
        "rita notes: the fan\n",
    ):
        assert each in answer.text


@pytest.mark.parametrize("number", ["7", "0", "9" * 15])
def test_one_that_is_not_there_is_not_found(people: People, number: str) -> None:
    """Whatever number, and whatever is to be done to it."""
    for answer in (
        people.responder.get(f"/incidents/{number}"),
        people.responder.get(f"/incidents/{number}/text"),
        people.responder.post(f"/incidents/{number}/acknowledge"),
        people.responder.post(f"/incidents/{number}/note", {"text": "x"}),
    ):
        assert (answer.status, "incident_not_found" in answer.text) == (404, True)


def test_a_script_that_keeps_up_begins_where_the_page_ends(people: People) -> None:
    """The stream is asked for this incident alone, from behind what the page shows."""
    number = opened(people)
    (live,) = [
        attributes["data-stream"]
        for _, attributes in people.viewer.get(f"/incidents/{number}").page.tags
        if "data-stream" in attributes
    ]
    assert re.fullmatch(rf"/timeline/live\?incident={number}&after=\d+-\d+", live)


def test_an_annotation_is_no_field_as_well(people: People) -> None:
    """It is shown as what to know; every other field, and one that only looks like it, is among the fields."""
    number = opened(
        people,
        **{"vo_annotate.s.First": "look at the disk", "vo_annotate.x.Odd": "kept", "rack": "14"},
    )
    page = people.viewer.get(f"/incidents/{number}")
    assert page.words.count("look at the disk") == 1
    for name in ("vo_annotate.x.Odd", "rack"):
        assert name in page.words
    assert "vo_annotate.s.First" not in page.words
