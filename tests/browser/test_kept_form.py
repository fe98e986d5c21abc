"""In a browser: a note that was being written when its session ended is sent after all, with JavaScript and without."""

from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, expect
from tests.behaviour.harness import Tocsin
from tests.browser.chromium import (
    PHONE,
    SCHEMES,
    a_context,
    is_wider_than_its_window,
    listen_for_complaints,
    violations,
)
from tests.worlds.people import do

from tocsin.actions.invitations import invite
from tocsin.actions.sessions import end_sessions
from tocsin.actions.users import add_user, show_user
from tocsin.domain.invitation import INVITATION_PATH
from tocsin.domain.user import UserRole

pytestmark = [pytest.mark.anyio, pytest.mark.needs("chromium")]
PASSWORD = "correct horse battery staple"
NOTE = "Restarted it.\n\nThe disk was full: <b>see</b> https://wiki.example/?a=1&b=2 " + "w" * 300


async def welcomed(page: Page, tocsin: Tocsin) -> None:
    """Choose a password by an invitation, and be signed in."""
    await do(tocsin, add_user, name="rita", role=UserRole.RESPONDER)
    invitation = await do(tocsin, invite, "rita")
    await page.goto(f"{INVITATION_PATH}{invitation.token.reveal()}")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_label("The same again", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Choose password").click()
    await page.wait_for_url("**/")


async def is_in_order(page: Page, *, with_javascript: bool) -> None:
    """Nothing is wrong with a page on a phone, as far as a program can tell: axe-core waits for scripts for ever."""
    assert not await is_wider_than_its_window(page)
    for scheme in SCHEMES if with_javascript else ():
        await page.emulate_media(color_scheme=scheme)
        assert not await violations(page)


@pytest.mark.parametrize("with_javascript", [True, False])
async def test_a_note_outlives_its_session(
    browser: Browser, tocsin: Tocsin, *, with_javascript: bool
) -> None:
    """What was typed is there after the sign-in, and on the timeline once its button is pressed, to the letter."""
    await tocsin.configure({"main": [("10m", ["pager"])]})
    await tocsin.open("disk")
    async with a_context(
        browser, tocsin.server.url, size=PHONE, with_javascript=with_javascript
    ) as context:
        page, complaints = await context.new_page(), listen_for_complaints(context)
        await welcomed(page, tocsin)
        await page.goto("/incidents/1")
        await page.locator("#note > summary").click()
        await page.locator("#f-text").fill(NOTE)
        with tocsin.server.store.database.read() as tx:
            rita = show_user(tx, "rita")
        await do(tocsin, end_sessions, rita)
        await page.get_by_role("button", name="Put it on the timeline").click()
        await expect(page.get_by_role("alert")).to_contain_text("What you had typed is kept")
        await is_in_order(page, with_javascript=with_javascript)
        await page.get_by_label("Name").fill("rita")
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Send what you had typed")
        await is_in_order(page, with_javascript=with_javascript)
        await page.get_by_role("button", name="Send it").click()
        await expect(page.locator(".told")).to_have_text("Noted.")
        assert urlsplit(page.url).path == "/incidents/1"
        story = await tocsin.get("incidents/1/timeline")
        assert NOTE in [entry["detail"].get("text") for entry in story["items"]]
        assert not complaints
