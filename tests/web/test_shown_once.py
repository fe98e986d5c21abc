"""What is shown only once: by a page that may be reloaded, to whoever made it, and for a minute."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import pytest
from tests.web.harness import Browser, People

from tocsin.secret import Secret
from tocsin.web.shown_once import LASTS, ONCE_COOKIE
from tocsin.web.visit import SESSION_COOKIE

HOOK: Final = {"name": "Night pager", "url": "https://night.example/"}
FORMS: Final[Mapping[str, tuple[str, Mapping[str, str], str]]] = {
    "a new webhook": ("/webhooks/new", HOOK, r"whsec_[\w+/=]+"),
    "a webhook's code": ("/webhooks/pager/reveal", {}, r"whsec_[\w+/=]+"),
    "a rotated code": ("/webhooks/pager/rotate", {"promote_after": ""}, r"whsec_[\w+/=]+"),
    "an alert key": ("/alert-keys", {"name": "nagios"}, r'data-copy="([\w-]{36})"'),
    "a token": ("/account/tokens", {"name": "laptop", "scope": "read"}, r"tsn_[\w-]{43}"),
    "an invitation": ("/users", {"name": "eve", "role": "viewer"}, r"tsi_[\w-]{43}"),
    "a new link": ("/users/vic/invite", {}, r"tsi_[\w-]{43}"),
}


@pytest.mark.parametrize("what", FORMS)
def test_the_page_that_shows_it_is_reloaded_without_harm(what: str, people: People) -> None:
    """It repeats nothing, and the secret is gone from it; no address and no cookie told it."""
    path, fields, pattern = FORMS[what]
    assert people.viewer
    ada = people.administrator
    as_it_stands = [form for form in ada.get(path).page.forms if form.action == path]
    values = {name: value for form in as_it_stands for name, value in form.fields if name != "csrf"}
    answer = ada.post(path, {**values, **fields})
    assert answer.status == 303
    cookie = ada.cookies[ONCE_COOKIE]
    first = ada.get(answer.to)
    secrets = re.findall(pattern, first.text)
    assert secrets
    assert not any(secret in answer.to + cookie for secret in secrets)
    assert ONCE_COOKIE not in ada.cookies
    again = ada.get(answer.to)
    assert again.status == 200
    assert not re.findall(pattern, again.text)


def made(people: People) -> tuple[Browser, str]:
    """Make an alert key; return the browser that may see it, and the cookie."""
    ada = people.administrator
    assert ada.post("/alert-keys", {"name": "nagios"}).status == 303
    return ada, ada.cookies[ONCE_COOKIE]


def test_a_cookie_is_good_for_one_page(people: People) -> None:
    """Another leaves it alone, and the one that it is for shows it then."""
    ada, _ = made(people)
    assert "in force" not in ada.get("/account").words
    assert "The key nagios is in force" in ada.get("/alert-keys").words


def test_a_cookie_is_good_for_one_session(people: People) -> None:
    """Whoever else shows it sees nothing."""
    ada, cookie = made(people)
    people.viewer.cookies[ONCE_COOKIE] = cookie
    assert "The key nagios" not in people.viewer.get("/alert-keys").words
    assert "The key nagios" in ada.get("/alert-keys").words


def test_a_cookie_is_good_for_a_minute(people: People) -> None:
    """The browser is told so, too; but it is not what the server counts on."""
    ada, _ = made(people)
    people.harness.clock.advance(LASTS + timedelta(seconds=1))
    assert "The key nagios" not in ada.get("/alert-keys").words


def test_the_cookie_is_for_this_server_alone(people: People) -> None:
    """No script reads it, and it never goes in the clear."""
    answer = people.administrator.post("/alert-keys", {"name": "nagios"})
    (line,) = [
        line for line in answer.response.headers.get_list("set-cookie") if ONCE_COOKIE in line
    ]
    words = [part.strip().lower() for part in line.split(";")[1:]]
    assert {"httponly", "secure", "path=/", "max-age=60", "samesite=lax"} <= set(words)


@pytest.mark.parametrize(
    "kind", ["nothing", "nonsense", "sealed", "another list", "no key of ours"]
)
def test_what_is_no_such_cookie_shows_nothing(kind: str, people: People) -> None:
    """And the page comes as ever, even by something else that lies sealed here."""
    seal = people.harness.vault.seal
    ada = people.administrator
    ada.cookies[ONCE_COOKIE] = {
        "nothing": "",
        "nonsense": "x" * 2000,
        "sealed": seal(Secret("an auth code")).decode(),
        "another list": seal(Secret('["a",["b"],"c",4,5]')).decode(),
        "no key of ours": "00000000:" + "A" * 100,
    }[kind]
    page = ada.get("/alert-keys")
    assert page.status == 200
    assert "is in force" not in page.words
    assert SESSION_COOKIE in ada.cookies
