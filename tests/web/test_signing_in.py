"""Signing in, by pages alone: from the first link to signing out."""

import re
from datetime import timedelta

import pytest
from tests.api.harness import Harness
from tests.web.harness import Answer, Browser, People

from tocsin.actions.invitations import CreatedInvitation, invite, invite_first_administrator
from tocsin.actions.users import add_user
from tocsin.domain.user import UserRole
from tocsin.web.pages.signing_in import path_of_ours
from tocsin.web.visit import DEVICE_COOKIE, SESSION_COOKIE

PASSWORD = "correct horse battery"


def first_link(harness: Harness) -> str:
    made: CreatedInvitation = harness.write(
        lambda tx, _context: invite_first_administrator(tx, editor=harness.editor())
    )
    return f"/welcome/{made.token.reveal()}"


def link_of(harness: Harness, name: str, role: UserRole = UserRole.RESPONDER) -> str:
    def make(tx: object, _context: object) -> CreatedInvitation:
        editor = harness.editor()
        add_user(tx, name=name, role=role, editor=editor)  # type: ignore[arg-type]
        return invite(tx, name, editor=editor)  # type: ignore[arg-type]

    made: CreatedInvitation = harness.write(make)
    return f"/welcome/{made.token.reveal()}"


def choose(browser: Browser, link: str, **fields: str) -> Answer:
    """Fill in the page behind a link, and send it."""
    form = browser.get(link).page.form(link)
    return browser.post(
        form.action, {**dict(form.fields), "password": PASSWORD, "again": PASSWORD, **fields}
    )


def sign_in(browser: Browser, name: str, password: str = PASSWORD, **more: str) -> Answer:
    form = browser.get("/sign-in", **more).page.form("/sign-in")
    return browser.post(form.action, {**dict(form.fields), "name": name, "password": password})


def test_the_first_link_makes_an_administrator_who_is_signed_in(
    harness: Harness, people: People
) -> None:
    """Once; the page says whose server it will be, and afterwards the link does nothing."""
    link, browser = first_link(harness), people.stranger
    assert "Nobody can administer this server yet" in browser.get("/sign-in").words
    assert "be this server's administrator" in browser.get(link).words
    answer = choose(browser, link, name="ada", time_zone="Europe/Oslo")
    assert (answer.status, answer.to) == (303, "/")
    page = browser.get("/account")
    assert ", an administrator." in page.words
    assert ("zone", "Europe/Oslo") in page.page.form("/account/time-zone").fields
    assert browser.get("/users").status == 200
    assert "Nobody can administer" not in people.stranger.get("/sign-in").words
    for answer in (people.stranger.get(link), people.stranger.post(link, {"name": "eve"})):
        assert (answer.status, "invitation_over" in answer.text) == (410, True)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"again": "something else"}, "The two passwords are not the same"),
        ({"password": "short", "again": "short"}, "Choose a password of 12 to 200 characters"),
        ({"name": "Ada Lovelace"}, "cannot be a slug"),
    ],
)
def test_what_cannot_be_is_said_beside_the_form(
    fields: dict[str, str], words: str, harness: Harness, people: People
) -> None:
    """The link is not used up, and the name that was typed is still there."""
    link, browser = first_link(harness), people.stranger
    answer = choose(browser, link, **{"name": "ada", **fields})
    assert answer.status in (400, 422)
    assert SESSION_COOKIE not in browser.cookies
    assert words in answer.words
    assert ("name", fields.get("name", "ada")) in answer.page.form(link).fields
    assert PASSWORD not in answer.text
    assert choose(browser, link, name="ada", time_zone="Mars/Olympus").status == 303


def test_whoever_is_invited_chooses_a_password_and_signs_in_by_it(
    harness: Harness, people: People
) -> None:
    """The name is as it was given, whatever the form says; its case does not matter later."""
    link, browser = link_of(harness, "rita"), people.stranger
    assert choose(browser, link, name="root").status == 303
    elsewhere = people.stranger
    assert sign_in(elsewhere, " Rita ").to == "/"
    assert ", a responder." in elsewhere.get("/account").words
    assert elsewhere.cookies[SESSION_COOKIE] != browser.cookies[SESSION_COOKIE]


def test_using_a_link_ends_the_session_that_the_browser_had(
    harness: Harness, people: People
) -> None:
    """It may be somebody else's, such as the administrator's who has just made the link."""
    browser = people.viewer
    before = dict(browser.cookies)
    assert choose(browser, link_of(harness, "bob")).status == 303
    assert "bob" in browser.get("/account").words
    assert Browser(harness.http, before).get("/account").to.startswith("/sign-in")


def test_a_sign_in_leads_to_where_one_wanted_to_go(harness: Harness, people: People) -> None:
    """The page that asked for it; a path of ours with its query, and nothing else."""
    choose(people.stranger, link_of(harness, "rita"))
    browser = people.stranger
    asked = browser.get("/account?x=1&y=%2F").to
    assert asked == "/sign-in?next=%2Faccount%3Fx%3D1%26y%3D%252F"
    form = browser.get(asked).page.form("/sign-in")
    answer = browser.post("/sign-in", {**dict(form.fields), "name": "rita", "password": PASSWORD})
    assert answer.to == "/account?x=1&y=%2F"
    assert browser.get("/sign-in?next=/account").to == "/account"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a\nb",
        "/a\\b",
        "javascript:",
        "/" + "a" * 2001,
    ],
)
def test_no_link_leads_elsewhere_by_way_of_a_sign_in(text: str) -> None:
    """Whatever it says after `next=`."""
    assert path_of_ours(text) == "/"


def test_the_cookie_is_for_this_server_alone(harness: Harness, people: People) -> None:
    """No script reads it, no other site sends it with a form, and nothing travels in the clear."""
    answer = choose(people.stranger, link_of(harness, "rita"))
    (line,) = [
        each
        for each in answer.response.headers.get_list("set-cookie")
        if each.startswith(f"{SESSION_COOKIE}=")
    ]
    parts = {part.strip().lower() for part in line.split(";")[1:]}
    assert parts == {"httponly", "max-age=2592000", "path=/", "samesite=lax", "secure"}


def test_a_wrong_password_is_told_as_a_wrong_name_is(harness: Harness, people: People) -> None:
    """The name that was typed stays, the password does not."""
    choose(people.stranger, link_of(harness, "rita"))
    answers = [
        sign_in(people.stranger, name, password)
        for name, password in (("rita", "wrong horse battery"), ("nobody", PASSWORD))
    ]
    said = {re.sub("rita|nobody", "NAME", answer.words) for answer in answers}
    assert len(said) == 1
    assert {answer.status for answer in answers} == {401}
    assert ("name", "rita") in answers[0].page.form("/sign-in").fields
    assert "wrong horse" not in answers[0].text


def test_whoever_tries_too_often_is_told_how_long_to_wait(harness: Harness, people: People) -> None:
    """Also a program, by a header."""
    for _ in range(10):
        assert sign_in(people.stranger, "rita", "x").status == 401
    answer = sign_in(people.stranger, "rita", "x")
    assert (answer.status, answer.response.headers["retry-after"]) == (429, "30")
    assert "wait 30 seconds" in answer.words


def test_a_browser_that_is_known_is_let_in_whatever_strangers_try(
    harness: Harness, people: People
) -> None:
    """By a cookie that no script reads and no other site sends; it alone lets nobody in."""
    known = people.stranger
    answer = choose(known, link_of(harness, "rita"))
    (line,) = [
        each
        for each in answer.response.headers.get_list("set-cookie")
        if each.startswith(f"{DEVICE_COOKIE}=")
    ]
    parts = {part.strip().lower() for part in line.split(";")[1:]}
    assert parts == {"httponly", "max-age=31536000", "path=/", "samesite=strict", "secure"}
    known.post("/sign-out")
    for _ in range(10):
        sign_in(people.stranger, "rita", "x")
    assert sign_in(people.stranger, "rita").status == 429
    assert sign_in(known, "rita", "x").status == 401
    assert sign_in(known, "rita").status == 303


def test_a_session_that_was_planted_is_not_the_one_after_a_sign_in(
    harness: Harness, people: People
) -> None:
    """The token is new, and the old one ends."""
    choose(people.stranger, link_of(harness, "rita"))
    browser = people.stranger
    assert sign_in(browser, "rita").status == 303
    planted = dict(browser.cookies)
    browser.post("/sign-in", {"name": "rita", "password": PASSWORD})
    assert browser.cookies[SESSION_COOKIE] != planted[SESSION_COOKIE]
    assert Browser(harness.http, planted).get("/account").to.startswith("/sign-in")


def test_signing_out_ends_the_session_and_the_cookie(people: People) -> None:
    """The old cookie does nothing any more."""
    browser = people.viewer
    kept = dict(browser.cookies)
    answer = browser.post("/sign-out")
    assert answer.to == "/sign-in"
    assert SESSION_COOKIE not in browser.cookies
    assert "You are signed out." in browser.get(answer.to).words
    assert Browser(people.harness.http, kept).get("/account").to.startswith("/sign-in")


@pytest.mark.parametrize(
    ("host", "proto", "warns"),
    [
        ("tocsin.example", "", True),
        ("192.0.2.7:7878", "", True),
        ("[2001:db8::1]:7878", "", True),
        ("localhost:7878", "", False),
        ("127.0.0.1", "", False),
        ("[::1]:7878", "", False),
        ("tocsin.localhost", "", False),
        ("tocsin.example", "https", False),
        ("[", "", False),
    ],
)
def test_where_no_browser_would_keep_a_session_the_page_says_so(
    host: str, proto: str, *, warns: bool, people: People
) -> None:
    """In the clear, from another machine: it says what to do."""
    answer = people.stranger.get("/sign-in", host=host, x_forwarded_proto=proto)
    assert ("Signing in will not work at this address." in answer.words) == warns


def test_a_session_that_ran_out_asks_to_sign_in_again(people: People) -> None:
    """After a week without a page."""
    browser = people.viewer
    assert browser.get("/account").status == 200
    people.harness.clock.advance(timedelta(days=6))
    assert browser.get("/account").status == 200
    people.harness.clock.advance(timedelta(days=6))
    assert browser.get("/account").status == 200
    people.harness.clock.advance(timedelta(days=7))
    assert browser.get("/account").to == "/sign-in?next=%2Faccount"
