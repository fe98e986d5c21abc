"""The list of incidents, what is done to many at once, and opening one by hand."""

import pytest
from tests.api.harness import Harness
from tests.web.harness import Answer, People


def numbers(answer: Answer) -> list[int]:
    assert answer.status == 200, answer.words
    links = [
        int(address.removeprefix("/incidents/"))
        for address in answer.page.links.values()
        if address.removeprefix("/incidents/").isdigit()
    ]
    return sorted(links, reverse=True)


def opened(people: People, *entities: str, **fields: str) -> list[int]:
    return [people.harness.open_incident(each, **fields) for each in entities]


def test_incidents_are_listed_and_narrowed_down(people: People) -> None:
    """By status, entity and routing key, alone or together."""
    first, second, third = opened(people, "a", "b", "c")
    people.responder.post(f"/incidents/{first}/acknowledge")
    people.responder.post(f"/incidents/{second}/resolve")
    vic = people.viewer
    assert numbers(vic.get("/incidents")) == [third, second, first]
    assert numbers(vic.get("/incidents?status=triggered")) == [third]
    assert numbers(vic.get("/incidents?status=acknowledged")) == [first]
    assert numbers(vic.get("/incidents?status=resolved")) == [second]
    assert numbers(vic.get("/incidents?entity=b")) == [second]
    assert numbers(vic.get("/incidents?routing_key=DB&status=triggered")) == [third]
    assert numbers(vic.get("/incidents?routing_key=other")) == []
    assert "No such incidents" in vic.get("/incidents?entity=B").words
    assert numbers(vic.get("/incidents?status=nobody_left")) == []


def test_what_no_incident_can_have_finds_none(harness_on_both: Harness) -> None:
    """On either database."""
    people = People(harness_on_both)
    opened(people, "a")
    for query in ("routing_key=%00", "entity=%00", "routing_key=db%00"):
        assert numbers(people.viewer.get(f"/incidents?{query}")) == []


def test_one_with_nobody_left_to_page_is_found(people: People) -> None:
    """Its row says so."""
    people.harness.ask("DELETE", "routing-keys/db")
    people.harness.ask("DELETE", "default-routing")
    (number,) = opened(people, "a")
    found = people.viewer.get("/incidents?status=nobody_left")
    assert numbers(found) == [number]
    assert "nobody left to page" in found.words


def test_a_list_goes_on_where_the_page_before_ended(people: People) -> None:
    """Fifty a page, with the same search."""
    opened(people, *(f"e{each}" for each in range(52)))
    first = people.viewer.get("/incidents?status=triggered")
    assert len(numbers(first)) == 50
    older = people.viewer.get(first.page.links["Older"])
    assert numbers(older) == [2, 1]
    assert "status=triggered" in first.page.links["Older"]
    assert people.viewer.get("/incidents?after=nonsense").status == 422


def test_many_are_acknowledged_at_once(people: People) -> None:
    """Each for itself: one that is resolved refuses, and spoils nothing for the others."""
    first, second, third = opened(people, "a", "b", "c")
    people.responder.post(f"/incidents/{second}/resolve")
    people.responder.post(f"/incidents/{third}/acknowledge")
    ticked = {"number": [str(first), str(second), str(third)], "action": "acknowledge"}
    answer = people.responder.post("/incidents/actions?status=triggered", ticked)
    assert answer.to == "/incidents?status=triggered"
    said = people.responder.get(answer.to).words
    assert "1 incident acknowledged, 1 as before, 1 not: incident 2 is resolved" in said


@pytest.mark.parametrize(
    ("deed", "status"),
    [("hold", "on hold"), ("resolve", "resolved"), ("reopen", "triggered")],
)
def test_many_are_held_resolved_and_reopened(people: People, deed: str, status: str) -> None:
    """With one word to the others."""
    chosen = [str(each) for each in opened(people, "a", "b")]
    if deed == "reopen":
        for each in chosen:
            people.responder.post(f"/incidents/{each}/acknowledge")
    fields = {"number": chosen, "action": deed, "for": "1h", "message": "a planned change"}
    answer = people.responder.post_and_follow("/incidents/actions", fields)
    assert answer.words.count(status) >= 2
    assert "a planned change" in people.viewer.get("/incidents/1").words


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"action": "resolve"}, "tick the incidents"),
        ({"action": "resolve", "number": "x"}, "tick the incidents"),
        ({"action": "delete", "number": "1"}, "choose what to do"),
        ({"action": "hold", "for": "90", "number": "1"}, "Is 90 seconds or minutes?"),
        ({"action": "resolve", "number": [str(each) for each in range(501)]}, "at most 500"),
    ],
)
def test_what_cannot_be_meant_is_refused_above_the_list(
    people: People, fields: dict[str, str], why: str
) -> None:
    """Nothing is changed, and what was ticked stays ticked."""
    opened(people, "a")
    answer = people.responder.post("/incidents/actions", fields)
    assert answer.status in (400, 422)
    assert why in answer.words
    ticked = [
        tag for tag in answer.page.tags if tag[1].get("name") == "number" and "checked" in tag[1]
    ]
    assert bool(ticked) is ("1" in fields.get("number", ()))


def test_who_only_looks_cannot_tick(people: People) -> None:
    """Nor open one."""
    opened(people, "a")
    shown = people.viewer.get("/incidents")
    assert not [tag for tag in shown.page.tags if tag[1].get("type") == "checkbox"]
    assert "/incidents/new" not in shown.page.links.values()


def test_an_empty_list_teaches(people: People) -> None:
    """What an incident is, and how the first one comes."""
    shown = people.viewer.get("/incidents")
    assert "No incident yet" in shown.words
    assert shown.page.links["Send the first alert"] == "/alert-keys"


def test_an_incident_is_opened_by_hand(people: People) -> None:
    """It says what is wrong, who opened it, and calls the policies that were chosen."""
    fields = {"summary": "The cellar is wet", "details": "Since\r\nnoon", "policy": ["ops/second"]}
    shown = people.responder.post_and_follow("/incidents/new", {**fields, "routing_key": ""})
    assert "#1 The cellar is wet" in shown.words
    assert "Since noon" in shown.words
    assert "next, ops/second, step 1 of 1, calls siren" in shown.words
    assert "created_by rita" in shown.words


def test_an_incident_is_opened_for_a_routing_key(people: People) -> None:
    """The policies of the key start."""
    fields = {"summary": "The cellar is wet", "routing_key": "db"}
    assert "next, ops/primary" in people.responder.post_and_follow("/incidents/new", fields).words


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"summary": "", "policy": "ops/second"}, "say in one line"),
        ({"summary": "x" * 1025, "policy": "ops/second"}, "at most 1024"),
        ({"summary": "a", "details": "x" * 20_481, "policy": "ops/second"}, "at most 20480"),
        ({"summary": "a"}, "choose policies to start"),
        ({"summary": "a", "policy": "ops/second", "routing_key": "db"}, "choose policies to start"),
        ({"summary": "a", "policy": "ops/third"}, "no policy is called"),
        ({"summary": "a", "routing_key": "nowhere"}, "no routing key is called"),
    ],
)
def test_one_that_could_call_nobody_is_not_opened(
    people: People, fields: dict[str, str], why: str
) -> None:
    """The form says what is missing, and keeps what was typed."""
    answer = people.responder.post("/incidents/new", fields)
    assert answer.status in (404, 422)
    assert why in answer.words
    assert dict(answer.page.form("/incidents/new").fields)["summary"] == fields["summary"]
    assert "No incident yet" in people.viewer.get("/incidents").words


def test_among_very_many_policies_one_is_written(people: People) -> None:
    """A form that lists hundreds is slow to load; its name will do, and is there again when it is refused."""
    for number in range(100):
        steps = [{"after": "1h", "webhooks": ["siren"]}]
        given = {"team": "ops", "slug": f"p{number}", "name": "P", "steps": steps}
        assert people.harness.ask("POST", "policies", given).status_code == 201
    asked = people.responder.get("/incidents/new")
    assert "there are 102, too many to list" in asked.words
    fields = {"summary": "The cellar is wet", "policy": " ops/second "}
    shown = people.responder.post_and_follow("/incidents/new", fields)
    assert "next, ops/second" in shown.words
    refused = people.responder.post("/incidents/1/reroute", {"policy": "ops/nowhere"})
    assert ("policy", "ops/nowhere") in refused.page.form("/incidents/1/reroute").fields
    nothing = people.responder.post("/incidents/1/reroute", {"policy": ""})
    assert "name either policies" in nothing.words


def test_beside_each_policy_stands_when_it_calls(people: People) -> None:
    """Nobody is thought to be called who is not, in a list as in suggestions; those that were ticked come first."""
    steps = [{"after": "15m", "webhooks": ["siren"]}, {"after": "5m", "webhooks": ["siren"]}]
    given = {"team": "ops", "slug": "later", "name": "Later", "steps": steps}
    assert people.harness.ask("POST", "policies", given).status_code == 201
    asked = people.responder.get("/incidents/new?policy=ops/second")
    told = "ops/second calls after 5 min ops/later calls after 15 min ops/primary calls at once"
    assert told in asked.words
    for number in range(100):
        assert people.harness.ask("POST", "policies", given | {"slug": f"p{number}"}).is_success
    asked = people.responder.get("/incidents/new")
    assert ("option", {"value": "ops/later"}) in asked.page.tags


def test_where_nobody_could_be_called_no_incident_is_opened(people: People) -> None:
    """A button that does nothing is worse than none: the page says what is missing."""
    harness = people.harness
    for path in (
        "default-routing",
        "routing-keys/db",
        "policies/ops/primary",
        "policies/ops/second",
    ):
        assert harness.ask("DELETE", path).is_success
    asked = people.responder.get("/incidents/new")
    assert "No policy yet that could call somebody" in asked.words
    assert "/incidents/new" not in [form.action for form in asked.page.forms]
