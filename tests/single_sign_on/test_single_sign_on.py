"""People sign in by a real OpenID Connect provider, over real sockets."""

import asyncio
import socket
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from tests.behaviour.harness import Tocsin, a_receiver
from tests.manual_clock import ManualClock
from tests.single_sign_on.conftest import Browser, World, serving

from tocsin.clock import SystemClock
from tocsin.domain.session import csrf_token
from tocsin.domain.single_sign_on import Provider
from tocsin.secret import Secret
from tocsin.service.single_sign_on import MOST_WAITING
from tocsin.web.pages.single_sign_on import JOURNEY_COOKIE
from tocsin.web.visit import SESSION_COOKIE

LEAVE = "/sign-in/oidc"
BACK = "/sign-in/oidc/callback"


async def users(world: World) -> dict[str, str]:
    """Return who there is, and as what."""
    items = (await world.tocsin.get("users"))["items"]
    return {user["name"]: user["role"] for user in items}


def test_a_newcomer_signs_in_and_goes_where_they_wanted(issuer: str, home: Path) -> None:
    """With the role for newcomers. The second time they are the same user, whatever they are called."""

    async def go() -> None:
        async with serving(issuer, home) as world:
            browser = await world.browser("Ana Müller")
            page = await browser.go(f"{world.url}/sign-in")
            assert "Sign in with Acme" in page.text
            page = await browser.go(f"{world.url}{LEAVE}?next=/account")
            assert (page.status_code, page.url.path) == (200, "/account")
            assert await users(world) == {"user": "responder"}
            again = await world.browser("Ana Müller")
            await again.go(f"{world.url}{LEAVE}?next=/account")
            assert await users(world) == {"user": "responder"}
            other = await world.browser("bob")
            await other.go(f"{world.url}{LEAVE}?next=/account")
            assert await users(world) == {"user": "responder", "user-2": "responder"}
            changes = (await world.tocsin.get("changes"))["items"]
            assert "user.linked" in {change["action"] for change in changes}

    asyncio.run(go())


def test_what_is_asked_of_the_provider(issuer: str, home: Path) -> None:
    """A code, with state, nonce and PKCE of 256 bits each, and each time others; no secret in a URL."""

    async def go() -> None:
        async with serving(issuer, home) as world:
            asked = []
            for _ in range(2):
                browser = await world.browser("ana")
                await browser.go(f"{world.url}{LEAVE}", stop_before=issuer)
                asked.append(parse_qs(urlsplit(browser.seen[-1]).query))
            one, other = asked
            assert one["response_type"] == ["code"]
            assert one["code_challenge_method"] == ["S256"]
            assert one["scope"] == ["openid profile"]
            assert one["redirect_uri"] == [f"{world.url}{BACK}"]
            for name in ("state", "nonce", "code_challenge"):
                assert len(one[name][0]) == 43
                assert one[name] != other[name]

    asyncio.run(go())


def test_without_a_role_for_newcomers_only_who_is_linked_comes_in(issuer: str, home: Path) -> None:
    """Whoever is signed in links the two once, and nobody else can take that identity."""

    async def go() -> None:
        async with serving(issuer, home, newcomers=None) as world:
            stranger = await world.browser("ana")
            page = await stranger.go(f"{world.url}{LEAVE}")
            assert page.status_code == 403
            assert "nobody here is linked to you" in page.text
            assert await users(world) == {}
            await join(world, stranger, "anna")
            link = await link_of(world, stranger)
            page = await stranger.go(link)
            assert "You can sign in that way from now on." in page.text
            page = await stranger.go(link)
            assert "You sign in that way already." in page.text
            elsewhere = await world.browser("ana")
            page = await elsewhere.go(f"{world.url}{LEAVE}?next=/account")
            assert "<strong>anna</strong>" in page.text
            thief = await world.browser("ana")
            await join(world, thief, "thief")
            page = await thief.go(await link_of(world, thief))
            assert (page.status_code, "identity_taken" in page.text) == (409, True)
            await world.tocsin.call("PATCH", "users/anna", {"disabled": True})
            page = await elsewhere.go(f"{world.url}{LEAVE}")
            assert (page.status_code, "you are disabled here" in page.text) == (403, True)

    asyncio.run(go())


def test_only_who_asks_on_their_own_page_is_linked(issuer: str, home: Path) -> None:
    """A link of somebody else's links nobody: they might be signed in at the provider as another."""

    async def go() -> None:
        async with serving(issuer, home, newcomers=None) as world:
            victim, other = await world.browser("eve"), await world.browser("bob")
            await join(world, victim, "victim")
            await join(world, other, "other")
            page = await victim.go(f"{world.url}{LEAVE}")
            assert (page.status_code, "unknown_identity" in page.text) == (403, True)
            for wrong in (f"{LEAVE}?link=", await link_of(world, other)):
                page = await victim.go(urljoin(world.url, wrong))
                assert (page.status_code, "came_from_elsewhere" in page.text) == (403, True)
            await other.go(await link_of(world, other), stop_before=f"{world.url}{BACK}")
            place = urlsplit(world.url).netloc
            kept = victim.cookies[place]
            kept[JOURNEY_COOKIE] = other.cookies[place][JOURNEY_COOKIE]
            page = await victim.go(other.seen[-1])
            assert (page.status_code, "came_from_elsewhere" in page.text) == (403, True)
            assert "user.linked" not in {
                change["action"] for change in (await world.tocsin.get("changes"))["items"]
            }

    asyncio.run(go())


async def link_of(world: World, browser: Browser) -> str:
    """Return where the account page leads who wants to be linked."""
    page = await browser.go(f"{world.url}/account")
    session = Secret(browser.cookies[urlsplit(world.url).netloc][SESSION_COOKIE])
    link = f"{LEAVE}?link={csrf_token(session)}"
    assert f'href="{link}"' in page.text or "You can sign in with Acme" in page.text
    return world.url + link


def test_a_provider_that_does_not_answer_keeps_nobody_else_waiting(home: Path) -> None:
    """However many leave for it, pages and the API answer; and who comes when many wait is told so."""

    async def go() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
            provider = Provider(issuer, "tocsin", Secret("secret"))
            async with a_receiver() as receiver, httpx.AsyncClient(timeout=60) as http:
                tocsin = Tocsin(home, ManualClock(), receiver)
                await tocsin.start(clock=SystemClock(), oidc=provider)
                url = tocsin.server.url
                leaving = [
                    asyncio.create_task(http.get(f"{url}{LEAVE}")) for _ in range(MOST_WAITING + 1)
                ]
                (told,), waiting = await asyncio.wait(
                    leaving, return_when=asyncio.FIRST_COMPLETED, timeout=5
                )
                page = await asyncio.wait_for(http.get(f"{url}/sign-in"), 5)
                for each in waiting:
                    each.cancel()
                await asyncio.wait(waiting)
                await tocsin.stop()
        assert (told.result().status_code, "many wait" in told.result().text) == (502, True)
        assert page.status_code == 200

    asyncio.run(go())


async def join(world: World, browser: Browser, name: str) -> None:
    """Accept an invitation, by a password."""
    made = await world.tocsin.post("users", name=name, role="viewer")
    words = {"password": "correct horse battery", "again": "correct horse battery"}
    answer = await world.http.post(made["invitation_url"], data=words)
    assert answer.status_code == 303
    session = answer.cookies[SESSION_COOKIE]
    world.http.cookies.clear()
    browser.cookies.setdefault(urlsplit(world.url).netloc, {})[SESSION_COOKIE] = session


def test_what_comes_back_must_be_what_went(issuer: str, home: Path) -> None:
    """In the same browser, with its own state and a code for it; else nobody is signed in."""

    async def go() -> None:
        async with serving(issuer, home) as world:
            for what in ("state", "no cookie", "cookie", "other cookie", "code", "error"):
                await come_back_wrong(world, what)
            assert await users(world) == {}

    asyncio.run(go())


async def come_back_wrong(world: World, what: str) -> None:
    browser, other = await world.browser("ana"), await world.browser("eve")
    for each in (browser, other):
        await each.go(f"{world.url}{LEAVE}", stop_before=f"{world.url}{BACK}")
    place = urlsplit(world.url).netloc
    kept = browser.cookies[place]
    given = parse_qs(urlsplit(browser.seen[-1]).query)
    query: dict[str, Any] = {name: values[0] for name, values in given.items()}
    if what == "state":
        query["state"] = "x" * 43
    elif what == "no cookie":
        del kept[JOURNEY_COOKIE]
    elif what == "cookie":
        kept[JOURNEY_COOKIE] = kept[JOURNEY_COOKIE][:-6] + "AAAA=="
    elif what == "other cookie":
        kept[JOURNEY_COOKIE] = other.cookies[place][JOURNEY_COOKIE]
    elif what == "code":  # somebody else's, who wants this browser to be theirs
        query["code"] = parse_qs(urlsplit(other.seen[-1]).query)["code"][0]
    else:
        query = {"error": "access_denied", "state": query["state"]}
    text = "&".join(f"{name}={value}" for name, value in query.items())
    page = await browser.go(f"{world.url}{BACK}?{text}")
    assert (page.status_code, "single_sign_on_failed" in page.text) == (502, True), what
    assert SESSION_COOKIE not in kept


def test_a_code_is_good_once(issuer: str, home: Path) -> None:
    """Whoever sees the URL afterwards has nothing of it."""

    async def go() -> None:
        async with serving(issuer, home) as world:
            browser = await world.browser("ana")
            await browser.go(f"{world.url}{LEAVE}", stop_before=f"{world.url}{BACK}")
            back = browser.seen[-1]
            kept = dict(browser.cookies[urlsplit(world.url).netloc])
            await browser.go(back)
            thief = Browser(world.http, {urlsplit(world.url).netloc: kept})
            page = await thief.go(back)
            assert page.status_code == 502

    asyncio.run(go())


def test_a_provider_may_change_its_keys(issuer: str, home: Path, monkeypatch: Any) -> None:
    """They are asked for anew, though no more often than every half minute."""
    from tocsin.service import single_sign_on

    async def go() -> None:
        async with serving(issuer, home) as world:
            await (await world.browser("ana")).go(f"{world.url}{LEAVE}")
            await world.at_provider("/rotate/")
            page = await (await world.browser("ana")).go(f"{world.url}{LEAVE}")
            assert page.status_code == 502
            monkeypatch.setattr(single_sign_on, "_ANEW_SECONDS", 0.0)
            page = await (await world.browser("ana")).go(f"{world.url}{LEAVE}?next=/account")
            assert (page.status_code, page.url.path) == (200, "/account")

    asyncio.run(go())


def test_a_wrong_secret_and_a_provider_that_is_away_are_told(issuer: str, home: Path) -> None:
    """To whoever tries, without the secret; the sign-in by a password is still there."""

    async def go() -> None:
        async with serving(issuer, home, secret="wr0ng-secret") as world:
            page = await (await world.browser("ana")).go(f"{world.url}{LEAVE}")
            assert page.status_code == 502
            assert "answered 401" in page.text
            assert "wr0ng" not in page.text

    asyncio.run(go())


def test_without_a_provider_there_is_no_way_to_one(home: Path) -> None:
    """Neither a button nor a path."""

    async def go() -> None:
        async with a_receiver() as receiver:
            tocsin = await Tocsin(home, ManualClock(), receiver).start()
            assert "/sign-in/oidc" not in (await tocsin.http.get("/sign-in")).text
            for path in (LEAVE, BACK):
                assert (await tocsin.http.get(path)).status_code == 404
            await tocsin.stop()

    asyncio.run(go())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path
