"""Deliveries in the pages: listed with filters, looked into, sent again."""

from itertools import pairwise

import pytest
from tests.api.harness import Harness
from tests.api.test_deliveries import deliveries, end, fire
from tests.web.harness import People

from tocsin.domain.outcome import Outcome
from tocsin.web.pages import deliveries as page


def fail(harness: Harness, status: int = 410) -> str:
    """Let the page of an incident fail for good; return the delivery's id."""
    harness.open_incident(
        state_message="<script>alert(1)</script> 'it' \"is\" full 🔥", custom="w" * 900
    )
    (lease,) = fire(harness)
    end(harness, lease, Outcome.of_status(status), status)
    return str(deliveries(harness)[0]["id"])


def test_a_delivery_shows_request_and_answer_side_by_side(people: People) -> None:
    """With the likely cause, what happened in order, and signatures masked."""
    id_ = fail(people.harness)
    answer = people.administrator.get(f"/deliveries/{id_}")
    for words in (
        "Attempt 1 gone 410",
        "nothing is at this URL any more",
        "POST /hook?to=ops HTTP/1.1",
        "X-VictorOps-Signature: ***",
        "Location:",
        "out of order",
        "203.0.113.7",
    ):
        assert words in answer.words
    assert "<script>alert" not in answer.text
    assert '"<script>alert(1)</script>' in answer.words
    headings = [level for level, _ in answer.page.headings]
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))


def test_a_cause_is_said_once(people: People) -> None:
    """Whoever reads on a phone does not scroll past the same sentence."""
    words = people.administrator.get(f"/deliveries/{fail(people.harness)}").words
    assert words.count("nothing is at this URL any more") == 1
    assert words.count("Nothing: after that outcome another attempt could not do better") == 1


def test_what_gives_the_url_away_is_for_administrators(people: People) -> None:
    id_ = fail(people.harness)
    for visitor in (people.viewer, people.responder):
        answer = visitor.get(f"/deliveries/{id_}")
        assert answer.status == 200
        for secret in ("pager.example", "203.0.113.7", "to=ops"):
            assert secret not in answer.text
        assert "out of order" in answer.words


def test_a_row_says_once_what_was_answered(people: People) -> None:
    """Where the state says already how the last attempt ended, its status alone stands beside it."""
    people.harness.open_incident()
    (lease,) = fire(people.harness)
    end(people.harness, lease, Outcome.DELIVERED, 204)
    row = people.viewer.get("/webhooks/pager").words.partition("Last attempt Made")[2]
    assert "delivered HTTP 204" in row
    assert row.count("delivered HTTP 204") == row.count("delivered")


def test_what_failed_is_sent_again_by_a_button(people: People) -> None:
    """The page says beforehand what it would do; a viewer has no button."""
    id_ = fail(people.harness)
    path = f"/deliveries/{id_}"
    assert "It is due at once, under its id" in people.viewer.get(path).words
    assert all("send-again" not in form.action for form in people.viewer.get(path).page.forms)
    sent = people.responder.post_and_follow(f"{path}/send-again")
    assert "It is sent again." in sent.words
    assert people.harness.ask("GET", f"deliveries/{id_}").json()["state"] == "pending"
    assert "It is due already: nothing would change." in sent.words


def test_what_is_stale_is_refused_on_its_page(people: People) -> None:
    id_ = fail(people.harness)
    people.harness.ask("POST", "incidents/1/acknowledge", json={})
    assert "Its escalation was stopped" in people.responder.get(f"/deliveries/{id_}").words
    refused = people.responder.post(f"/deliveries/{id_}/send-again")
    assert (refused.status, "reopen incident 1" in refused.words) == (409, True)


def test_the_list_takes_filters_and_goes_on(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By webhook, state, incident and tests; a page at a time; what cannot be meant is told so."""
    id_ = fail(people.harness)
    people.harness.ask("POST", "webhooks/siren/test")
    assert len(deliveries(people.harness)) == 2

    def shown(query: str) -> list[str]:
        links = people.viewer.get(f"/deliveries?{query}").page.links
        return [words for words in links if words.startswith("dlv_")]

    assert len(shown("")) == 2
    assert "failed gone 410" in people.viewer.get("/deliveries").words
    assert shown("state=failed") == shown("webhook=pager") == shown("incident=%231") == [id_]
    assert shown("test=yes") == shown("webhook=siren") != [id_]
    for nothing in ("incident=7", "incident=x", "webhook=siren&state=failed"):
        assert "No such delivery" in people.viewer.get(f"/deliveries?{nothing}").words
    unknown = people.viewer.get("/deliveries?webhook=nobody")
    assert (unknown.status, "There is no webhook 'nobody'" in unknown.words) == (422, True)
    assert people.viewer.get("/deliveries?after=nonsense").status == 422

    monkeypatch.setattr(page, "SHOWN", 1)
    first = people.viewer.get("/deliveries")
    assert len([words for words in first.page.links if words.startswith("dlv_")]) == 1
    second = people.viewer.get(first.page.links["Older"])
    assert id_ in second.page.links
    assert "Older" not in second.page.links


def test_an_empty_list_teaches(people: People) -> None:
    assert "No delivery yet" in people.viewer.get("/deliveries").words


def test_what_does_not_exist_is_told_so(people: People) -> None:
    assert people.viewer.get("/deliveries/dlv_0000000000000001").status == 404
    assert people.viewer.get("/deliveries/nonsense").status == 404
