"""A delivery's page in a browser: while it is under way it keeps up by itself, and leaves alone what somebody reads."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect
from tests.behaviour.harness import Tocsin
from tests.browser.chromium import a_context, listen_for_complaints
from tests.browser.signing_in import carrying
from tests.worlds.people import join

from tocsin.domain.send_again import Resending
from tocsin.domain.user import UserRole

pytestmark = [pytest.mark.anyio, pytest.mark.needs("chromium")]
POLICIES = {"main": [("0s", ["pager"])]}


@pytest.fixture
async def page(browser: Browser, tocsin: Tocsin) -> AsyncIterator[Page]:
    """A page that failed once and waits for its next attempt, and somebody who looks at it."""
    tocsin.receiver.answer("/pager", 503, 500, 200)
    await tocsin.configure(POLICIES, webhooks={"pager": {"retry_waits": ["3s", "3s"]}})
    await tocsin.open("disk")
    (delivery,) = await tocsin.deliveries()
    state = carrying(tocsin, await join(tocsin, "rita", UserRole.RESPONDER))
    async with a_context(browser, tocsin.server.url, storage_state=state) as context:
        complaints = listen_for_complaints(context)
        made = await context.new_page()
        await made.clock.set_fixed_time(tocsin.now)
        await made.goto(f"/deliveries/{delivery['id']}")
        yield made
        assert not complaints


async def test_attempts_appear_until_it_has_ended(page: Page, tocsin: Tocsin) -> None:
    """The newest is on top, and what sending again would do follows, too."""
    foreseen = page.locator("[data-part=again] p").first
    headings = page.get_by_role("heading", name="Attempt")
    await expect(headings).to_have_count(1)
    await expect(foreseen).to_have_text(Resending.BROUGHT_FORWARD.foresight)
    await tocsin.advance(seconds=5)
    await expect(headings).to_have_text(["Attempt 2 rejected 500", "Attempt 1 rejected 503"])
    await tocsin.advance(seconds=5)
    await expect(headings.first).to_have_text("Attempt 3 delivered 200")
    await expect(foreseen).to_have_text(Resending.NEW_DELIVERY.foresight)
    await expect(page.locator("[data-every]")).to_have_count(0)


async def test_what_was_opened_or_selected_stays(page: Page, tocsin: Tocsin) -> None:
    """An attempt that somebody has folded is still folded, and what they have selected is, beside a new one."""
    first = page.locator("[data-part=attempt-1]")
    await first.locator("summary").click()
    await page.evaluate(
        "getSelection().selectAllChildren(document.querySelector('[data-part=attempt-1] p'))"
    )
    selected = await page.evaluate("String(getSelection())")
    await tocsin.advance(seconds=5)
    await expect(page.locator("[data-part=attempt-2] details")).to_have_attribute("open", "")
    assert await first.locator("details").get_attribute("open") is None
    assert await page.evaluate("String(getSelection())") == selected != ""
