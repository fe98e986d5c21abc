"""Webhooks in the pages: made with a name and a URL, looked into, changed, disabled and deleted."""

from datetime import timedelta
from typing import Any

import pytest
from tests.api.harness import Harness
from tests.api.test_deliveries import end, fire
from tests.web.harness import People

from tocsin.actions.incident_set import Context
from tocsin.actions.webhooks import get_webhook
from tocsin.domain.outcome import Outcome
from tocsin.domain.webhook_failures import Failures
from tocsin.store import schema_configuration
from tocsin.store.database import Tx
from tocsin.store.webhook_failures import put_failures

HOSTILE = "<script>alert(1)</script> \"quoted\" 'single' \u05d0\u05d1\u05d2 🔥 " + "w" * 100
ODD_URL = "https://Pager.example:443//a/%2F?q='\"<b>&amp;=$HOME`id`"


def auth_code(harness: Harness, slug: str) -> str:
    return str(harness.ask("GET", f"webhooks/{slug}/auth-code").json()["auth_code"])


def changes(harness: Harness) -> list[str]:
    with harness.database.read() as tx:
        table = schema_configuration.changes
        return [row.action for row in tx.core.execute(table.select().order_by(table.c.id))]


def make(people: People, **fields: str) -> Any:
    """Send the form of a new webhook as it stands, with some fields filled in."""
    form = people.administrator.get("/webhooks/new").page.form("/webhooks/new")
    values = {name: value for name, value in form.fields if name != "csrf"}
    return people.administrator.post("/webhooks/new", {**values, **fields})


def test_a_name_and_a_url_are_enough_and_the_auth_code_appears(people: People) -> None:
    """Everything else has a default; who saw the code is in the audit log."""
    made_at = make(people, name="Night pager", url="https://pager.example/night")
    assert (made_at.status, made_at.to) == (303, "/webhooks/night-pager/auth-code")
    answer = people.administrator.get(made_at.to)
    assert auth_code(people.harness, "night-pager") in answer.words
    assert "whsec_" in answer.words
    assert "/webhooks/night-pager/receiver" in answer.page.links.values()
    assert changes(people.harness)[-3:-1] == ["webhook.created", "webhook.auth_code_shown"]
    made = people.harness.ask("GET", "webhooks/night-pager").json()
    same = people.harness.ask("GET", "webhooks/pager").json()
    names = ("profile", "summary", "standard_signature", "retry_waits", "deadline", "slots")
    assert {name: made[name] for name in names} == {name: same[name] for name in names}
    assert made["enabled"]


def test_every_option_can_be_given_and_taken_away(people: People) -> None:
    """What the form says is what is in force; what is not ticked is off."""
    values = {
        "slug": "odd",
        "auth_code": "known-already-by-receivers",
        "profile": "documented",
        "answer_may_act": "yes",
        "follow_up_resolved": "yes",
        "connect_timeout": "2s",
        "total_timeout": "20s",
        "deadline": "1h",
        "retry_waits": "1s 10s",
        "slots": "2",
        "skip_if_late": "10m",
        "when_failing": "db",
    }
    assert make(people, name="Odd", url=ODD_URL, **values).status == 303
    shown = people.harness.ask("GET", "webhooks/odd").json()
    assert (shown["url"], shown["profile"]) == (ODD_URL, "documented")
    assert (shown["follow_up"], shown["answer_may_act"]) == (["resolved"], True)
    assert (shown["connect_timeout"], shown["total_timeout"], shown["deadline"]) == (
        *("2s", "20s", "1h"),
    )
    assert (shown["retry_waits"], shown["slots"], shown["skip_if_late"]) == (
        ["1s", "10s"],
        2,
        "10m",
    )
    assert shown["when_failing"] == {"routing_key": "db"}

    form = people.administrator.get("/webhooks/odd/edit").page.form("/webhooks/odd/edit")
    filled = {name: value for name, value in form.fields if name != "csrf"}
    assert filled["url"] == ODD_URL
    unchanged = people.administrator.post_and_follow("/webhooks/odd/edit", filled)
    assert "Nothing was changed" in unchanged.words
    for name in ("answer_may_act", "follow_up_resolved"):
        del filled[name]
    emptied = filled | {"slots": "", "skip_if_late": "", "when_failing": ""}
    people.administrator.post_and_follow("/webhooks/odd/edit", emptied)
    shown = people.harness.ask("GET", "webhooks/odd").json()
    assert (shown["answer_may_act"], shown["follow_up"]) == (False, [])
    assert (shown["slots"], shown["skip_if_late"], shown["when_failing"]) == (None, None, None)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"url": "https://user@pager.example/"}, "user"),
        ({"url": "https://169.254.169.254/"}, "TOCSIN_WEBHOOK_NETWORKS"),
        ({"deadline": "15"}, "Is 15 seconds or minutes?"),
        ({"retry_waits": "soon"}, "soon"),
        ({"connect_timeout": "30s", "total_timeout": "5s"}, "connect_timeout"),
        ({"slug": "pager"}, "exists already"),
        ({"slug": "new"}, "slug 'new'"),
        ({"client_certificate": "nonsense"}, "PEM"),
        ({"link_resolve": "yes"}, "TOCSIN_PUBLIC_URL"),
        ({"slots": "1000"}, "slots takes 1 to 64"),
    ],
)
def test_a_form_that_is_refused_keeps_what_was_typed(
    fields: dict[str, str], words: str, people: People
) -> None:
    """It says what is wrong, and nothing is made."""
    typed = {"name": "Typed", "url": "https://typed.example/", **fields}
    answer = make(people, **typed)
    assert 400 <= answer.status < 500
    assert words in answer.words
    filled = dict(answer.page.form("/webhooks/new").fields)
    assert {name: filled[name] for name in typed if name in filled} == typed
    assert people.harness.ask("GET", "webhooks/typed").status_code == 404


def test_a_url_that_is_refused_is_marked_and_opens_nothing_else(people: People) -> None:
    """Who typed two fields is not shown thirty; a slug that is taken is among these, so they open."""
    for url in ("pager.example/hook", "http://127.0.0.1/hook"):
        refused = make(people, name="Typed", url=url)
        (field,) = [given for tag, given in refused.page.tags if given.get("id") == "f-url"]
        assert field["aria-invalid"] == "true"
        assert not [tag for tag, given in refused.page.tags if tag == "details" and "open" in given]
    taken = make(people, name="Typed", url="https://typed.example/", slug="pager")
    assert [tag for tag, given in taken.page.tags if tag == "details" and "open" in given]


def test_hostile_names_are_shown_as_they_are(people: People) -> None:
    """On every page of a webhook, and its URL with every odd character."""
    make(people, name=HOSTILE, url=ODD_URL, slug="hostile")
    for path in ("/webhooks", "/webhooks/hostile", "/webhooks/hostile/edit"):
        answer = people.administrator.get(path)
        assert "<script>alert" not in answer.text
        assert " ".join(HOSTILE.split()) in answer.words or path.endswith("edit")
    assert ODD_URL in people.administrator.get("/webhooks/hostile").words


def test_a_url_and_an_auth_code_are_for_administrators(people: People) -> None:
    """Others see how a webhook is, and nothing that gives it away."""
    code = auth_code(people.harness, "pager")
    for visitor in (people.viewer, people.responder, people.team_administrator):
        for path in ("/webhooks", "/webhooks/pager"):
            answer = visitor.get(path)
            assert answer.status == 200
            assert "https://pager.example" not in answer.text
            assert code not in answer.text
    assert code not in people.administrator.get("/webhooks/pager").text
    assert code not in people.administrator.get("/webhooks/pager/auth-code").text
    revealed = people.administrator.post_and_follow("/webhooks/pager/reveal")
    assert code in revealed.words
    assert revealed.response.headers["cache-control"] == "no-store"
    assert changes(people.harness)[-1] == "webhook.auth_code_shown"


def test_an_auth_code_is_replaced_in_two_steps(people: People) -> None:
    """Both are shown; then the new one takes over, or is taken away."""
    visitor, harness = people.administrator, people.harness
    old = auth_code(harness, "pager")
    both = visitor.post_and_follow("/webhooks/pager/rotate", {"promote_after": "24h"})
    pending = str(harness.ask("GET", "webhooks/pager/auth-code").json()["pending_auth_code"])
    assert old in both.words
    assert pending in both.words
    assert "An auth code is pending" in visitor.get("/webhooks/pager").words
    assert "taken away" in visitor.post_and_follow("/webhooks/pager/cancel-rotation").words
    visitor.post("/webhooks/pager/rotate", {"promote_after": ""})
    assert "alone signs" in visitor.post_and_follow("/webhooks/pager/promote").words
    assert auth_code(harness, "pager") not in (old, pending)


def test_the_ends_of_a_rotation_say_what_they_cost(people: People) -> None:
    """What the receiver must do first, the way to both codes, and what is lost: not one tap away."""
    visitor = people.administrator
    shown = visitor.post_and_follow("/webhooks/pager/rotate", {"promote_after": "24h"})
    for answer in (shown, visitor.get("/webhooks/pager")):
        assert "Let the receiver accept both." in answer.words
        assert "a receiver that does not accept it yet refuses every page" in answer.words
        kinds = [tag for tag, _ in answer.page.tags]
        ends = [
            index
            for index, (tag, given) in enumerate(answer.page.tags)
            if tag == "form" and given["action"].endswith(("/promote", "/cancel-rotation"))
        ]
        assert [kinds[index - 3 : index] for index in ends] == [["details", "summary", "p"]] * 2
    page = visitor.get("/webhooks/pager").page
    reveals = [form for form in page.forms if form.action == "/webhooks/pager/reveal"]
    assert ("", "", "Reveal both") in reveals[-1].buttons


def test_what_a_policy_calls_already_is_not_said_to_be_called_by_nobody(people: People) -> None:
    """Only who made a webhook that no policy calls is sent to choose one."""
    words = "until then nothing does"
    assert words not in people.administrator.post_and_follow("/webhooks/pager/reveal").words
    make(people, name="New", url="https://new.example/", slug="unused")
    assert words in people.administrator.post_and_follow("/webhooks/unused/reveal").words


def test_a_webhook_says_how_it_is(people: People) -> None:
    """In one sentence, with its attempts, who calls it and what waits."""
    never = people.viewer.get("/webhooks/siren")
    assert never.page.headings[0] == (1, "Siren not called")
    assert "It was never called, or not for as long as deliveries are kept" in never.words
    assert "Deliveries" not in [words for _, words in never.page.headings]
    people.harness.open_incident()
    (lease,) = fire(people.harness)
    called = people.viewer.get("/webhooks/pager")
    assert called.page.headings[0] == (1, "Pager being called")
    assert "no attempt has ended yet" in called.words
    assert "being called" in people.viewer.get("/webhooks").words
    end(people.harness, lease, Outcome.DELIVERED, 204)
    answer = people.viewer.get("/webhooks/pager")
    assert "It works: the latest attempt was delivered" in answer.words
    assert "all within 250 ms" in answer.words
    assert "half within" not in answer.words  # of one measurement
    assert answer.page.links["Primary"] == "/teams/ops/policies/primary"
    (strip,) = [given for tag, given in answer.page.tags if given.get("class") == "strip"]
    assert strip["aria-label"] == "Of the latest 1 attempt 1 delivered."
    listed = people.viewer.get("/webhooks").words
    assert "works" in listed
    assert "not called none none" in listed


def test_a_webhook_that_fails_says_once_why(people: People) -> None:
    """The sentence how often, the warning why; the rows which."""
    harness, since = people.harness, people.harness.clock.now()
    failures = Failures(
        3,
        since,
        latest_at=since + timedelta(minutes=10),
        latest_outcome=Outcome.REJECTED,
        latest_status=404,
    )

    def put(tx: Tx, _context: Context) -> None:
        put_failures(tx, {get_webhook(tx, "pager", harness.vault).id: failures})

    harness.write(put)
    words = people.viewer.get("/webhooks/pager").words
    assert "It has failed 3 times, the first " in words
    assert words.count("The receiver has nothing at this path") == 1
    assert "404): The receiver" not in words


def test_the_list_is_narrowed_to_what_is_looked_for(people: People) -> None:
    """By how a name or a slug begins, and by state; the way to the next part keeps both."""
    harness, since = people.harness, people.harness.clock.now()
    now_failing = Failures(3, since, latest_at=since + timedelta(minutes=10))
    make(people, name="Two", url="https://two.example/", slug="other")
    make(people, name="Off", url="https://off.example/", slug="off")
    people.administrator.post("/webhooks/off/disable")

    def put(tx: Tx, _context: Context) -> None:
        ids = [get_webhook(tx, slug, harness.vault).id for slug in ("siren", "off")]
        put_failures(tx, dict.fromkeys(ids, now_failing))

    harness.write(put)

    def listed(query: str) -> list[str]:
        page = people.viewer.get(f"/webhooks?{query}").page
        ways = [way for way in page.links.values() if way.startswith("/webhooks/")]
        return [way.removeprefix("/webhooks/") for way in ways]

    assert listed("") == ["off", "other", "pager", "siren"]
    assert listed("begins=TW") == listed("begins=oth") == ["other"]
    assert listed("state=troubled") == ["siren"]
    assert listed("state=disabled") == ["off"]
    assert listed("state=disabled&begins=o&after=gone") == ["off"]
    assert listed("state=nonsense") == listed("")
    none = people.viewer.get("/webhooks?begins=%3Cb%3E&state=disabled")
    assert "No webhook is like this." in none.words
    assert dict(none.page.form("/webhooks").fields) == {"begins": "<b>", "state": "disabled"}


def test_the_next_part_of_a_narrowed_list_is_narrowed_too(people: People) -> None:
    for number in range(52):
        make(people, name=f"Many {number}", url="https://many.example/", slug=f"many-{number:02}")
    first = people.viewer.get("/webhooks?begins=many")
    second = people.viewer.get(first.page.links["More"])
    ways = [way for way in second.page.links.values() if way.startswith("/webhooks/")]
    assert ways == ["/webhooks/many-50", "/webhooks/many-51"]


def test_a_form_opened_before_somebody_else_saved_undoes_nothing(people: People) -> None:
    """It is told what differs, keeps what was typed, and is saved by saving it again."""
    path = "/webhooks/pager/edit"

    def fields() -> dict[str, str]:
        return dict(people.administrator.get(path).page.form(path).fields)

    mine = fields() | {"deadline": "1h"}
    people.administrator.post_and_follow(path, fields() | {"url": "https://moved.example/"})
    refused = people.administrator.post(path, mine)
    assert refused.status == 409
    assert "differs from what is in force in: deadline and url." in refused.words
    shown = people.harness.ask("GET", "webhooks/pager").json()
    assert (shown["url"], shown["deadline"]) == ("https://moved.example/", "15m")
    kept = dict(refused.page.form(path).fields)
    assert (kept["deadline"], kept["url"]) == ("1h", mine["url"])
    people.administrator.post_and_follow(path, kept | {"url": "https://moved.example/"})
    saved = people.harness.ask("GET", "webhooks/pager").json()
    assert (saved["url"], saved["deadline"]) == ("https://moved.example/", "1h")


def test_it_is_disabled_enabled_and_deleted(people: People) -> None:
    """One that a policy calls is not deleted: the refusal says which."""
    visitor = people.administrator
    assert "no step calls it" in visitor.post_and_follow("/webhooks/pager/disable").words
    shown = visitor.get("/webhooks/pager")
    assert shown.words.count("by an administrator") == 1
    assert shown.page.headings[0] == (1, "Pager disabled")
    assert "Would be called by" in shown.words
    assert "ops/primary once it is enabled" in visitor.get("/webhooks").words
    assert "steps call it" in visitor.post_and_follow("/webhooks/pager/enable").words
    assert "Would be called by" not in visitor.get("/webhooks/pager").words
    assert "once it is enabled" not in visitor.get("/webhooks").words
    refused = visitor.post("/webhooks/pager/delete")
    assert (refused.status, "ops/primary" in refused.words) == (409, True)
    make(people, name="Gone", url="https://gone.example/")
    assert "gone is deleted" in visitor.post_and_follow("/webhooks/gone/delete").words
    assert visitor.get("/webhooks/gone").status == 404


def test_a_test_leads_to_its_delivery(people: People) -> None:
    """Which says what came of it, and is not sent while Tocsin is paused."""
    sent = people.administrator.post("/webhooks/pager/test")
    assert sent.to.startswith("/deliveries/dlv_")
    shown = people.administrator.get(sent.to)
    assert "A test is on its way" in shown.words
    assert "pending" in shown.words
    people.harness.ask("POST", "pause")
    refused = people.administrator.post("/webhooks/pager/test")
    assert (refused.status, "Tocsin is paused" in refused.words) == (409, True)


def test_a_check_is_explained(people: People) -> None:
    """An address that webhooks may not reach: the page names it, and what an attempt would come to."""
    make(people, name="Nowhere", url="http://10.0.0.1:1/")
    shown = people.administrator.post("/webhooks/nowhere/check")
    assert shown.status == 200
    assert "an attempt would fail" in shown.words
    assert "TOCSIN_WEBHOOK_NETWORKS says which they may" in shown.words
    assert "10.0.0.1" in shown.words
