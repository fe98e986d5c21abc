"""What every page passes, whatever it is about: shown with pages of the test's own, behind the real gate."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from starlette.responses import Response
from tests.api.harness import Harness
from tests.web.harness import People
from tests.web.reading import read_page

from tocsin.actions.sessions import list_sessions
from tocsin.actions.users import disable_user
from tocsin.domain.session import LASTS_UNUSED, TOUCH_AFTER, csrf_token
from tocsin.secret import Secret
from tocsin.service.transactions import Transactions
from tocsin.store.users import find_user
from tocsin.store.writer import StoreUnavailable
from tocsin.web.app import Pages
from tocsin.web.kept_form import LARGEST_FORM
from tocsin.web.route import Access, Route
from tocsin.web.visit import MOST_FIELDS, SESSION_COOKIE, Visit, read_form

Run = Callable[[Visit], Awaitable[Response]]
pytestmark = pytest.mark.anyio


@asynccontextmanager
async def showing(
    harness: Harness, run: Run, *, needs: Access = Access.READ, method: str = "GET"
) -> AsyncIterator[httpx.AsyncClient]:
    """Put one page at `/page/{number}` behind the gate."""
    transactions = Transactions(harness.services)
    app = Pages(transactions, [Route("/page/{number:int}", method, needs, run)])
    try:
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="https://here") as client:
            yield client
    finally:
        transactions.close()


def session_of(people: People) -> dict[str, str]:
    return {"cookie": f"{SESSION_COOKIE}={people.viewer.cookies[SESSION_COOKIE]}"}


async def say(visit: Visit) -> Response:
    return Response(f"{visit.params['number']} {visit.principal.name} {visit.form}")


async def test_a_stranger_is_asked_who_it_is_and_comes_back(harness: Harness) -> None:
    """The sign-in knows where to go afterwards, with all of the query."""
    async with showing(harness, say) as client:
        answer = await client.get("/page/7?a=1&b=%20%26")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fpage%2F7%3Fa%3D1%26b%3D%2520%2526"


async def test_a_form_of_nobody_changes_nothing_and_leads_to_the_sign_in(harness: Harness) -> None:
    """Whose session ended while a form was open reads so; its old form would be refused afterwards, too."""
    async with showing(harness, say, method="POST") as client:
        answer = await client.post("/page/7", data={"text": "typed at length"})

    assert (answer.status_code, "sign_in_first" in answer.text) == (401, True)
    assert "sign in, open the page again and send it from there" in answer.text
    assert read_page(answer.text).links["Sign in"] == "/sign-in"


async def test_a_page_knows_who_is_there_and_its_path(harness: Harness, people: People) -> None:
    """The session, the path's parts, and the form's fields."""
    headers = session_of(people)
    token = csrf_token(Secret(people.viewer.cookies[SESSION_COOKIE]))
    async with showing(harness, say, method="POST") as client:
        answer = await client.post("/page/7", data={"csrf": token, "a": "ä"}, headers=headers)

    assert answer.text == f"7 vic {{'csrf': '{token}', 'a': 'ä'}}"


async def test_a_session_ends_when_it_is_not_used(harness: Harness, people: People) -> None:
    """And is kept alive by use, which is not written down at every page."""
    headers = session_of(people)
    async with showing(harness, say) as client:
        harness.clock.advance(TOUCH_AFTER - timedelta(seconds=1))
        await client.get("/page/7", headers=headers)
        before = last_seen(harness)
        harness.clock.advance(timedelta(seconds=1))
        await client.get("/page/7", headers=headers)
        after = last_seen(harness)
        harness.clock.advance(LASTS_UNUSED)
        ended = await client.get("/page/7", headers=headers)

    assert after - before == TOUCH_AFTER
    assert ended.status_code == 303


def last_seen(harness: Harness) -> "timedelta":
    with harness.database.read() as tx:
        user = find_user(tx, "vic")
        assert user is not None
        (session,) = list_sessions(tx, user, now=harness.clock.now())
    return session.last_seen_at - user.created_at


async def test_a_bug_is_told_by_its_id_and_nothing_else(
    harness: Harness, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    """The page names an id, under which the log has the traceback, and the path without what stood in it."""

    async def fail(visit: Visit) -> Response:
        raise ZeroDivisionError("a secret")

    async with showing(harness, fail) as client:
        answer = await client.get("/page/1234567", headers=session_of(people))

    (record,) = [each for each in caplog.records if each.message == "request.failed"]
    assert answer.status_code == 500
    assert record.error_id in answer.text  # type: ignore[attr-defined]
    assert "secret" not in answer.text
    assert record.path == "/page/{number:int}"  # type: ignore[attr-defined]


async def test_a_form_that_takes_its_time_outlives_no_session(
    harness: Harness, people: People
) -> None:
    """Whoever begins to send one, and is disabled before its end, does nothing by it."""
    came = []

    async def do(visit: Visit) -> Response:
        came.append(visit.principal.name)
        return Response()

    token = csrf_token(Secret(people.viewer.cookies[SESSION_COOKIE]))

    async def slowly() -> AsyncIterator[bytes]:
        yield b"csrf="
        harness.write(lambda tx, _: disable_user(tx, "vic", editor=harness.editor()))
        yield token.encode()

    async with showing(harness, do, method="POST") as client:
        answer = await client.post("/page/7", content=slowly(), headers=session_of(people))

    assert (answer.status_code, came) == (401, [])


@pytest.mark.parametrize("number", ["9" * 19, "9" * 5000])
async def test_a_number_that_no_store_has_is_no_page(
    harness: Harness, people: People, number: str
) -> None:
    """And no bug, of which the log would tell at length."""
    async with showing(harness, say) as client:
        answer = await client.get(f"/page/{number}", headers=session_of(people))

    assert (answer.status_code, "no_such_page" in answer.text) == (404, True)


async def test_a_store_that_does_not_answer_is_told_with_when_to_come_back(
    harness: Harness, people: People
) -> None:
    """503 with Retry-After, as a page."""

    async def fail(visit: Visit) -> Response:
        raise StoreUnavailable("OperationalError")

    async with showing(harness, fail) as client:
        answer = await client.get("/page/7", headers=session_of(people))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert read_page(answer.text).headings == [(1, "Not just now")]


async def test_another_method_is_refused_with_those_there_are(harness: Harness) -> None:
    """405, and HEAD is answered as GET."""
    async with showing(harness, say, needs=Access.PUBLIC) as client:
        refused = await client.delete("/page/7")
        head = await client.head("/page/7x")

    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    assert head.status_code == 404


async def test_what_was_done_is_said_once(harness: Harness, people: People) -> None:
    """The next page says it, and the one after does not."""

    async def tell(visit: Visit) -> Response:
        if visit.params["number"] == 1:
            return visit.redirect("/page/2", notice="Done: <ü>.")
        return visit.render("refused.html", code="x", message="y")

    headers = session_of(people)
    async with showing(harness, tell) as client:
        client.cookies.set(SESSION_COOKIE, people.viewer.cookies[SESSION_COOKIE])
        await client.get("/page/1")
        first, second = await client.get("/page/2"), await client.get("/page/2")

    assert headers
    assert "Done: &lt;ü&gt;." in first.text
    assert "Done" not in second.text


async def test_a_form_that_is_too_large_is_refused(harness: Harness, people: People) -> None:
    """By its bytes, and by its fields."""
    async with showing(harness, say, method="POST") as client:
        large = await client.post(
            "/page/7", content=b"a" * (LARGEST_FORM + 1), headers=session_of(people)
        )
        many = await client.post(
            "/page/7", content=b"a=1&" * (MOST_FIELDS + 1), headers=session_of(people)
        )

    assert (large.status_code, many.status_code) == (413, 413)
    assert "form_too_large" in many.text


def test_a_form_is_read_as_the_store_can_keep_it() -> None:
    """What is no text becomes U+FFFD, lines end as ours do, and the last of a name counts."""
    fields = read_form(b"a=1&a=%00%ff&b=x%0d%0ay&c=&=z&d")

    assert fields == [("a", "1"), ("a", "��"), ("b", "x\ny"), ("c", ""), ("", "z"), ("d", "")]
