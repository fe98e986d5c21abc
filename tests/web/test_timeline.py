"""The timeline as a page: what happened, in words, with links that last and filters that are links."""

import pytest
from tests.web.harness import Answer, People

HOSTILE = '<script>alert("x")</script>\u202e' + "x" * 600


def entries(answer: Answer) -> list[str]:
    """The ids of a page's entries, in order."""
    return [each for each in answer.page.ids if each.startswith("e") and "-" in each]


def test_what_happened_is_told_with_its_incident(people: People) -> None:
    """The newest first, and each has a link of its own that shows it again."""
    people.harness.open_incident("db-1", entity_display_name="The disk is full")
    answer = people.viewer.get("/")
    assert "Opened by rest with an alert" in answer.words
    assert answer.page.links["#1 The disk is full"] == "/incidents/1"
    first = entries(answer)[-1]
    link = next(
        given["href"]
        for tag, given in answer.page.tags
        if tag == "a" and given.get("href", "").endswith(f"#{first}")
    )
    people.harness.open_incident("db-2")
    again = people.viewer.get(link.partition("#")[0])
    assert entries(again)[0] == first
    assert "Back to the newest" in again.words


def test_it_follows_from_where_the_page_ends(people: People) -> None:
    """What a script opens names the newest entry and the search; an older page follows nothing."""
    people.harness.open_incident("db-1")
    answer = people.viewer.get("/?group=alerts&entity=db")
    (live,) = [given["data-live"] for _, given in answer.page.tags if "data-live" in given]
    newest = entries(people.viewer.get("/"))[0]
    assert live == f"/timeline/live?group=alerts&entity=db&after={newest.removeprefix('e')}"
    older = people.viewer.get(f"/?before={newest.removeprefix('e')}")
    assert not [given for _, given in older.page.tags if "data-live" in given]


def test_a_search_is_a_link(people: People) -> None:
    """By group, incident, routing key and entity; what is chosen stays in the form and in all links."""
    harness = people.harness
    harness.open_incident("disk/db-1")
    harness.open_incident("cpu/db-1")
    harness.ask("POST", "incidents/1/acknowledge", {})
    whole = len(entries(people.viewer.get("/")))
    assert len(entries(people.viewer.get("/?incident=%231"))) < whole
    assert len(entries(people.viewer.get("/?entity=CPU/"))) == 1
    answer = people.viewer.get("/?group=people&routing_key=DB")
    assert "Acknowledged by" in answer.words
    assert len(entries(answer)) == 1
    assert ("routing_key", "DB") in answer.page.form("/").fields
    assert answer.page.links["Alerts"] == "/?group=alerts&routing_key=DB"
    nothing = people.viewer.get("/?entity=nothing")
    assert "Nothing of this kind" in nothing.words


def test_more_than_a_page_goes_on_behind_a_link(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every entry is on one of the pages."""
    for each in range(4):
        people.harness.open_incident(f"db-{each}")
    whole = entries(people.viewer.get("/"))
    monkeypatch.setattr("tocsin.web.pages.timeline.SHOWN", 3)
    found, link = [], "/"
    while link:
        answer = people.viewer.get(link)
        found += entries(answer)
        link = answer.page.links.get("Older", "")
    assert found == whole


def test_a_server_to_which_nothing_has_happened_teaches(people: People) -> None:
    """What will be here, and what comes first until an alert can page somebody."""
    answer = people.viewer.get("/")
    assert "No alert has come in yet" in answer.words
    steps = ["Make a webhook", "Give a team a policy", "Choose the default routing"]
    steps.append("Send the first alert")
    assert [each for each in answer.page.links if each in steps] == steps
    assert [answer.page.links[each] for each in steps] == [
        "/webhooks",
        "/teams",
        "/routing",
        "/alert-keys",
    ]
    people.harness.open_incident("db-1")
    assert "No alert has come in yet" not in people.viewer.get("/").words


@pytest.mark.parametrize("query", ["group=none", "incident=x", "before=7", "at=x-1"])
def test_what_cannot_be_searched_for_is_refused(people: People, query: str) -> None:
    """In a sentence, rather than by showing everything."""
    answer = people.viewer.get(f"/?{query}")
    assert answer.status == 422
    assert "That was refused" in answer.words


def test_what_a_sender_wrote_stays_text(people: People) -> None:
    """Titles, entities and messages; and a long word is cut."""
    people.harness.open_incident(HOSTILE[:400], entity_display_name=HOSTILE, state_message=HOSTILE)
    answer = people.viewer.get("/")
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(" in answer.text
    assert "x" * 300 not in answer.words


def test_the_live_part_is_no_page(people: People) -> None:
    """Whoever opens it without following is told what it is for."""
    answer = people.viewer.get("/timeline/live")
    assert (answer.status, "text/event-stream" in answer.words) == (406, True)
    accept = {"accept": "text/event-stream"}
    assert people.viewer.get("/timeline/live?after=x", **accept).status == 422
