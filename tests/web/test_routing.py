"""Routing: keys are made, changed and deleted on a page, and the tester says where an alert would go."""

from typing import Final

import pytest
from tests.web.harness import Answer, People

NEW: Final = "/routing/keys/new"


def chosen(answer: Answer, action: str) -> list[tuple[str, str]]:
    return [each for each in answer.page.form(action).fields if each[0] != "csrf"]


def settings(answer: Answer, action: str) -> list[tuple[str, str]]:
    return [each for each in chosen(answer, action) if each[0] != "seen"]


def test_it_is_said_which_key_leads_where(people: People) -> None:
    """With what opens an incident, and what becomes of the others; whoever may not change it is not asked to."""
    viewed = people.viewer.get("/routing")
    assert "db" in viewed.words
    assert viewed.page.links["ops/primary"] == "/teams/ops/policies/primary"
    assert "Takes every alert whose routing key is unknown or missing: ops/second" in viewed.words
    assert "New routing key" not in viewed.words
    people.harness.ask("DELETE", "default-routing")
    assert "pages nobody" in people.viewer.get("/routing").words


def test_a_key_is_made_changed_and_deleted(people: People) -> None:
    """It leads to one policy or more, and says what opens an incident."""
    ada = people.administrator
    asked = ada.get(f"{NEW}?policy=ops%2Fprimary")
    assert chosen(asked, NEW) == [("key", ""), ("policy", "ops/primary"), ("opens", "CRITICAL")]
    made = ada.post_and_follow(
        NEW, {"key": "Web", "policy": ["ops/primary", "ops/second"], "opens": ["CRITICAL", "INFO"]}
    )
    assert "The routing key web leads to ops/primary, ops/second." in made.words
    assert "CRITICAL, INFO" in made.words
    changing = ada.get("/routing/keys/web")
    assert ("policy", "ops/second") in settings(changing, "/routing/keys/web")
    ada.post_and_follow("/routing/keys/web", {"policy": "ops/second", "opens": "CRITICAL"})
    assert settings(ada.get("/routing/keys/web"), "/routing/keys/web") == [
        ("policy", "ops/second"),
        ("opens", "CRITICAL"),
    ]
    deleted = ada.post_and_follow("/routing/keys/web/delete")
    assert "the default routing takes its alerts" in deleted.words
    assert ada.get("/routing/keys/web").status == 404


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"key": "a b", "policy": "ops/primary", "opens": "CRITICAL"}, "cannot be a routing key"),
        ({"key": "", "policy": "ops/primary", "opens": "CRITICAL"}, "cannot be a routing key"),
        ({"key": "x", "opens": "CRITICAL"}, "at least one policy"),
        ({"key": "x", "policy": "ops/primary"}, "at least one message type"),
        ({"key": "x", "policy": "ops/primry", "opens": "CRITICAL"}, "did you mean 'ops/primary'"),
        ({"key": "DB", "policy": "ops/second", "opens": "CRITICAL"}, "exists already"),
    ],
)
def test_a_key_that_could_not_work_is_refused_with_what_was_typed(
    people: People, fields: dict[str, str], words: str
) -> None:
    """Nor is one replaced unseen."""
    answer = people.administrator.post(NEW, fields)
    assert answer.status in (400, 409, 422)
    assert words in answer.words
    kept = chosen(answer, NEW)
    assert ("key", fields["key"]) in kept
    assert "ops/primary" in people.administrator.get("/routing").page.links


@pytest.mark.parametrize("path", ["/routing/keys/db", "/routing/default"])
def test_a_form_opened_before_somebody_else_saved_undoes_nothing(people: People, path: str) -> None:
    """It is refused with what was typed, and saved by saving it again."""
    ada = people.administrator
    seen = dict(chosen(ada.get(path), path))["seen"]
    both = {"policy": ["ops/primary", "ops/second"], "opens": "CRITICAL", "seen": seen}
    ada.post_and_follow(path, both)
    only = {"policy": "ops/primary", "opens": "CRITICAL", "seen": seen}
    refused = ada.post(path, only)
    assert refused.status == 409
    assert "differs from what is in force in: policies." in refused.words
    again = chosen(refused, path)
    assert [value for name, value in again if name == "policy"] == ["ops/primary"]
    ada.post_and_follow(path, only | {"seen": dict(again)["seen"]})


def test_the_default_routing_is_chosen_and_given_up(people: People) -> None:
    """With a word of what that means."""
    ada = people.administrator
    ada.post_and_follow("/routing/default", {"policy": "ops/primary", "opens": "CRITICAL"})
    assert ("policy", "ops/primary") in chosen(ada.get("/routing/default"), "/routing/default")
    assert ada.get("/routing").page.links["Send it an alert"] == "/alert-keys"
    gone = ada.post_and_follow("/routing/default/delete")
    assert "alerts with an unknown routing key page nobody" in gone.words
    assert "Delete the default routing" not in ada.get("/routing/default").words


def test_the_tester_says_where_an_alert_would_go(people: People) -> None:
    """By type and entity, or by the whole alert; nothing is sent, and whoever may look may test."""
    answer = people.viewer.post("/routing/test", {"key": "DB", "type": "CRITICAL", "entity": "x"})
    assert answer.status == 200
    for words in (
        "It would page somebody",
        "The routing key db is configured. It leads to ops/primary.",
        "At 10 min, unless somebody acknowledged: pager and siren.",
    ):
        assert words in answer.words
    pasted = people.viewer.post(
        "/routing/test",
        {"key": "other", "type": "CRITICAL", "alert": '{"message_type":"info","entity_id":"<b>"}'},
    )
    assert "It would page nobody" in pasted.words
    assert "It is read as INFO, of '<b>'." in pasted.words
    assert "only CRITICAL opens an incident" in pasted.words
    assert people.harness.ask("GET", "incidents").json()["items"] == []
    number = people.harness.open_incident("x")
    rolled = people.viewer.post("/routing/test", {"key": "db", "type": "CRITICAL", "entity": "x"})
    assert rolled.page.links[f"Incident #{number}"] == f"/incidents/{number}"


@pytest.mark.parametrize("alert", ["{", "[]", '{"a": 1}', '{"message_type": {}}'])
def test_an_alert_that_would_be_refused_is_refused_there_too(people: People, alert: str) -> None:
    """In the words that its sender would read, with what was pasted still there."""
    answer = people.viewer.post("/routing/test", {"key": "db", "type": "CRITICAL", "alert": alert})
    assert 400 <= answer.status < 500
    assert "would be refused, and page nobody" in answer.words
    assert dict(answer.page.form("/routing/test").fields)["alert"] == alert


def test_the_tester_is_filled_by_a_link(people: People) -> None:
    """From the key's row."""
    shown = people.viewer.get("/routing/test?key=db")
    assert dict(shown.page.form("/routing/test").fields)["key"] == "db"


def test_many_keys_and_policies_do_not_make_a_long_page(people: People) -> None:
    """Keys come a page at a time; of many policies those that are chosen are boxes, and others are typed."""
    policies = "\n".join(f"      p{number:02}: {{steps: []}}" for number in range(70))
    keys = "\n".join(f"  k{number:03}: {{policies: [all/p00]}}" for number in range(80))
    people.harness.configure(f"teams:\n  all:\n    policies:\n{policies}\nrouting_keys:\n{keys}\n")
    ada = people.administrator
    first = ada.get("/routing")
    assert "k040" in first.words
    assert "k079" not in first.words
    assert "k079" in ada.get(first.page.links["More keys"]).words
    fields = chosen(ada.get("/routing/keys/k000"), "/routing/keys/k000")
    assert [value for name, value in fields if name == "policy"] == ["all/p00", "", "", ""]
    typed = {"policy": ["all/p00", " all/p01 ", "", ""], "opens": "CRITICAL"}
    ada.post_and_follow("/routing/keys/k000", typed)
    again = chosen(ada.get("/routing/keys/k000"), "/routing/keys/k000")
    assert ("policy", "all/p01") in again


def test_a_key_is_found_by_how_it_begins(people: People) -> None:
    """Page by page; numbers are in the order of their size."""
    keys = "\n".join(f"  board-{number}: {{policies: [ops/primary]}}" for number in range(1, 81))
    people.harness.configure(f"routing_keys:\n{keys}\n  other: {{policies: [ops/primary]}}\n")
    first = people.viewer.get("/routing?begins=BOARD")
    assert first.words.index("board-2 ") < first.words.index("board-10 ")
    last = people.viewer.get(first.page.links["More keys"])
    assert "board-80" in last.words
    assert "other" not in last.words
    assert "No routing key begins so." in people.viewer.get("/routing?begins=nothing").words
