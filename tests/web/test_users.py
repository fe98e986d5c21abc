"""Administrators invite people, give them roles, and let them in no more."""

import re

import pytest
from tests.api.harness import Harness
from tests.web.harness import TEAM, Browser, People
from tests.web.test_signing_in import PASSWORD, choose, sign_in

from tocsin.actions.webhooks import create_webhook
from tocsin.domain.user import UserRole
from tocsin.web.pages import audit


def invited(browser: Browser, name: str, role: str, **more: str) -> str:
    """Invite somebody by the form; return the path of the link."""
    answer = browser.post_and_follow("/users", {"name": name, "role": role, **more})
    (link,) = set(re.findall(r"https://tocsin\.example(/welcome/tsi_[\w-]{43})", answer.text))
    return str(link)


def test_an_administrator_invites_somebody_by_a_link(people: People) -> None:
    """It is shown once. Until it is used the list says so."""
    root, browser = people.administrator, people.stranger
    link = invited(root, "Rob", "responder")
    assert "rob invited responder never" in root.get("/users").words
    assert link not in root.get("/users/rob").text
    assert choose(browser, link).status == 303
    assert "rob responder" in root.get("/users").words
    assert ", a responder." in browser.get("/account").words


def test_a_team_administrator_gets_teams(people: People) -> None:
    """Boxes that are ticked for another role mean nothing."""
    root = people.administrator
    invited(root, "tim", "team_administrator", team=TEAM)
    assert f"tim invited team administrator of {TEAM}" in root.get("/users").words
    invited(root, "eve", "viewer", team=TEAM)
    assert "eve invited viewer never" in root.get("/users").words


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": "Bob Smith", "role": "viewer"}, 400),
        ({"name": "ada", "role": "viewer"}, 409),
        ({"name": "bob", "role": "root"}, 422),
        ({"name": "bob"}, 422),
        ({"name": "bob", "role": "team_administrator"}, 422),
        ({"name": "bob", "role": "team_administrator", "team": "nobody\x00"}, 422),
    ],
)
def test_what_cannot_be_is_said_beside_the_form(
    fields: dict[str, str], status: int, people: People
) -> None:
    """With what was typed still in it."""
    answer = people.administrator.post("/users", fields)
    assert answer.status == status
    assert any(tag == "div" and given.get("role") == "alert" for tag, given in answer.page.tags)
    assert ("name", fields["name"]) in answer.page.form("/users").fields


def test_another_role_signs_out(people: People) -> None:
    """Saved without a change, nothing happens."""
    root, browser = people.administrator, people.responder
    form = root.get("/users/rita").page.form("/users/rita/role")
    assert "Nothing changed." in root.post_and_follow(form.action, dict(form.fields)).words
    assert browser.get("/account").status == 200
    words = root.post_and_follow("/users/rita/role", {"role": "viewer"}).words
    assert "rita is now viewer; their sessions are ended." in words
    assert browser.get("/account").to.startswith("/sign-in")


def test_the_last_administrator_stays_one(people: People, harness: Harness) -> None:
    """Said on the page, not after nobody can mend it."""
    root, browser = people.administrator, people.stranger
    choose(browser, invited(root, "bea", "administrator"))
    # ada has no password, so bea is the only one who could come back.
    for path, fields in (("role", {"role": "viewer"}), ("disable", {})):
        answer = root.post(f"/users/bea/{path}", fields)
        assert (answer.status, "is the last administrator" in answer.words) == (409, True)


def test_who_is_disabled_is_out_at_once(people: People) -> None:
    """Until somebody lets them in again; the password is the same."""
    root, browser = people.administrator, people.stranger
    choose(browser, invited(root, "rob", "responder"))
    assert "rob is disabled" in root.post_and_follow("/users/rob/disable").words
    assert browser.get("/account").to.startswith("/sign-in")
    assert sign_in(browser, "rob").status == 401
    assert "rob may sign in again" in root.post_and_follow("/users/rob/enable").words
    assert sign_in(browser, "rob").status == 303


def test_whoever_forgot_the_password_gets_a_new_link(people: People) -> None:
    """By which the old password and the sessions end."""
    root, browser = people.administrator, people.stranger
    choose(browser, invited(root, "rob", "responder"))
    answer = root.post_and_follow("/users/rob/invite")
    (link,) = set(re.findall(r"/welcome/tsi_[\w-]{43}", answer.text))
    again = people.stranger
    new = "staple battery horse"
    assert choose(again, link, password=new, again=new).status == 303
    assert browser.get("/account").to.startswith("/sign-in")
    assert sign_in(people.stranger, "rob", PASSWORD).status == 401


def test_an_administrator_signs_somebody_out(people: People) -> None:
    """Everywhere."""
    browser = people.responder
    words = people.administrator.post_and_follow("/users/rita/sessions/end").words
    assert "rita is signed out everywhere" in words
    assert browser.get("/account").to.startswith("/sign-in")


def test_only_who_never_signed_in_is_deleted(people: People) -> None:
    """A typo in a name, that is."""
    root = people.administrator
    people.visitor(UserRole.RESPONDER)
    link = invited(root, "rbo", "responder")
    assert "rbo is deleted" in root.post_and_follow("/users/rbo/delete").words
    assert people.stranger.get(link).status == 410
    assert root.get("/users/rbo").status == 404
    answer = root.post("/users/rita/delete")
    assert (answer.status, "disable them instead" in answer.words) == (409, True)


def test_the_audit_log_says_who_what_before_and_after(people: People, harness: Harness) -> None:
    """Never a secret, though it says that one changed."""
    root, browser = people.administrator, people.stranger
    choose(browser, invited(root, "rob", "responder"))
    root.post("/users/rob/role", {"role": "viewer"})
    words = root.get("/audit").words
    assert "ada user changed rob role - before: responder + after: viewer" in words
    assert "rob user changed rob password changed; it is a secret" in words
    assert PASSWORD not in words


def test_the_audit_log_is_filtered_and_goes_on(people: People, harness: Harness) -> None:
    """By who did it, and by what it was done to; 30 a page."""
    root = people.administrator
    invited(root, "rob", "responder")
    for number in range(40):
        root.post("/users/rob/role", {"role": ("viewer", "responder")[number % 2]})
    first = root.get("/audit?actor=ada&about=rob")
    assert first.text.count("<li ") == 30
    second = root.get(first.page.links["Older"])
    assert second.text.count("<li ") == 12
    assert "Older" not in second.page.links
    assert "user created" in second.words
    assert "No change is like this" in root.get("/audit?about=nothing%00%25").words
    assert root.get("/audit?about=user").text.count("<li ") == 30
    assert root.get("/audit?after=nonsense").status == 422


def test_a_search_of_the_audit_log_looks_only_so_far(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes on by a link, which a log that is long is worth; what it did not find it does not deny."""
    monkeypatch.setattr(audit, "WITHIN", 2)
    root = people.administrator
    invited(root, "rob", "responder")
    for role in ("viewer", "responder", "viewer"):
        root.post("/users/rob/role", {"role": role})
    answer = root.get("/audit?about=team")
    assert "None among" in answer.words
    looks = 1
    while "Look further back" in answer.page.links:
        answer = root.get(answer.page.links["Look further back"])
        looks += 1
    assert looks > 3


def test_the_audit_log_is_written_for_people(people: People, harness: Harness) -> None:
    """Instants as everywhere, and words for what is nothing; a name is a user's, and what is not is found, too."""
    root = people.administrator
    webhook = {"slug": "chat", "name": "Chat", "url": "https://example.com/chat"}
    assert harness.ask("POST", "webhooks", webhook).is_success
    assert harness.ask("POST", "webhooks/chat/rotate", {"promote_in": "2d"}).is_success
    page = root.get("/audit?about=chat")
    assert "promote_at" not in page.text
    assert "null" not in page.words
    (promoted,) = [word for word in page.words.split("promote at")[1:] if "nothing" in word]
    assert "UTC" in promoted
    assert "T" not in promoted.split("UTC")[0].split("after:")[-1]
    assert "webhook created chat" not in root.get("/audit?actor=ada").words


def test_a_user_is_found_by_how_the_name_begins(people: People, harness: Harness) -> None:
    """Who looks is told which one they are; the teams of each are in the order of their numbers, the ticked first."""
    root = people.administrator
    invited(root, "rob", "responder")
    found = root.get("/users?begins=A")
    assert "ada you" in found.words
    assert "rob" not in found.words
    assert "No user begins so." in root.get("/users?begins=nobody").words
    harness.configure("teams:\n" + "\n".join(f"  t{n}: {{name: T {n}}}" for n in (1, 2, 10, 11)))
    root.post("/users/rob/role", {"role": "team_administrator", "team": ["t11"]})
    words = root.get("/users/rob").words
    assert "administrator only. T 11 " in words
    assert "T 1 T 2 T 10" in words


HOSTILE = "<script>alert(1)</script>'\"&" + "w" * 150


def test_hostile_names_do_no_harm(people: People, harness: Harness) -> None:
    """In the audit, and in what a browser says of itself."""
    root = people.administrator
    harness.write(
        lambda tx, _context: create_webhook(
            tx, name=HOSTILE, url="https://a.example/", editor=harness.editor()
        )
    )
    root.get("/account", user_agent=HOSTILE)
    browser = people.stranger
    link = invited(root, "rob", "responder")
    form = browser.get(link).page.form(link)
    sent = {**dict(form.fields), "password": PASSWORD, "again": PASSWORD}
    browser.post(link, sent, user_agent="<script>alert(1)</script>'\"&" + "w" * 500)
    for page in (
        root.get("/audit"),
        browser.get("/account"),
        root.get("/users/%3Cscript%3E"),
        root.get("/audit?actor=%3Cscript%3E&about=%22%3E%3Cscript%3E"),
    ):
        assert "<script>" not in page.text
        assert page.words


@pytest.mark.parametrize("name", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"])
def test_a_name_like_an_instant_hides_no_audit_log(people: People, name: str) -> None:
    """Not every time zone has such an instant; a team's administrator may give such a name."""
    root, tom = people.administrator, people.team_administrator
    root.post("/account/time-zone", {"zone": "Europe/Berlin"})
    people.harness.configure()
    path = f"/teams/{TEAM}/policies/new"
    fields = dict(tom.get(path).page.form(path).fields)
    made = tom.post(path, {**fields, "name": name, "step-1-target-1": "pager", "do": "save"})
    assert made.status == 303, made.words
    page = root.get("/audit")
    assert (page.status, name in page.words) == (200, True)


@pytest.mark.parametrize("path", ["/users?begins=", "/audit?about=", "/audit?actor="])
def test_no_search_is_too_long_for_the_store(people: People, path: str) -> None:
    """More than any name has is not looked for."""
    assert people.administrator.get(path + 55_000 * "w").status == 200
