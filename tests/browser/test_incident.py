"""An incident's page in a browser: it keeps up by itself, keys do what buttons do, and nothing that is typed is lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect
from tests.behaviour.harness import Tocsin
from tests.browser.chromium import a_context, listen_for_complaints
from tests.browser.signing_in import carrying
from tests.worlds.people import join

from tocsin.domain.user import UserRole

pytestmark = [pytest.mark.anyio, pytest.mark.needs("chromium")]
POLICIES = {"main": [("0s", ["pager"]), ("10m", ["boss"])]}


@pytest.fixture
async def page(browser: Browser, tocsin: Tocsin) -> AsyncIterator[Page]:
    """An incident that has paged, and somebody who looks at it."""
    await tocsin.configure(POLICIES)
    await tocsin.open("disk")
    state = carrying(tocsin, await join(tocsin, "rita", UserRole.RESPONDER))
    async with a_context(browser, tocsin.server.url, storage_state=state) as context:
        complaints = listen_for_complaints(context)
        made = await context.new_page()
        await made.clock.set_fixed_time(tocsin.now)
        await made.goto("/incidents/1")
        yield made
        assert not complaints


async def acknowledge_elsewhere(tocsin: Tocsin) -> None:
    """Let somebody else take it; what tells the page rests by the test's clock between two looks."""
    await tocsin.act(1, "acknowledge", message="from elsewhere")
    await tocsin.advance(seconds=1)


async def is_live(page: Page) -> None:
    await expect(page.locator("[data-state]")).to_have_text("Live")


async def test_it_keeps_up_and_what_is_typed_stays(page: Page, tocsin: Tocsin) -> None:
    """The sentence, the ladder and the buttons follow; a note that is being written, and its focus, do not go."""
    await is_live(page)
    await page.keyboard.press("n")
    await page.keyboard.type("a half-written note: ajr?")
    note = page.locator("#f-text")
    await expect(note).to_be_focused()
    await acknowledge_elsewhere(tocsin)
    await expect(page.locator(".sentence")).to_contain_text("Nobody is called")
    await expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    await expect(page.locator("[data-part=timeline]")).to_contain_text("from elsewhere")
    await expect(page.locator("[data-part=ladders]")).to_contain_text("acknowledged by")
    await expect(note).to_have_value("a half-written note: ajr?")
    await expect(note).to_be_focused()
    assert (await tocsin.incident())["status"] == "acknowledged", "no key was taken for a shortcut"


async def test_what_can_be_done_follows(page: Page, tocsin: Tocsin) -> None:
    """What somebody else has resolved cannot be held; but a form that is being filled in is not taken away."""
    await is_live(page)
    await page.locator("#hold summary").click()
    await page.get_by_label("For how long").fill("90m")
    await tocsin.act(1, "resolve")
    await tocsin.advance(seconds=1)
    await expect(page.get_by_role("button", name="Resolve")).to_have_count(0)
    await expect(page.get_by_label("For how long")).to_have_value("90m")
    await page.get_by_label("For how long").fill("")
    await page.locator("#hold summary").focus()
    async with asyncio.timeout(20):
        while await page.locator("#hold").count():
            await tocsin.advance(seconds=15)  # until the connection's next beat
            await asyncio.sleep(0.05)
    await expect(page.locator("#note")).to_be_visible()


async def test_it_follows_what_is_about_no_incident(page: Page, tocsin: Tocsin) -> None:
    """A pause changes what its first line says, and comes with the next beat of the connection."""
    await is_live(page)
    await tocsin.post("pause")
    async with asyncio.timeout(20):
        while "Tocsin is paused" not in await page.locator(".sentence").inner_text():
            await tocsin.advance(seconds=15)
            await asyncio.sleep(0.05)


async def test_what_a_later_alert_brings_to_know_appears(page: Page, tocsin: Tocsin) -> None:
    """The first had no annotation."""
    await is_live(page)
    await tocsin.alert(entity_id="disk", **{"vo_annotate.u.Runbook": "https://wiki.example/disk"})
    await tocsin.advance(seconds=1)
    await expect(page.get_by_role("link", name="Runbook")).to_be_visible()


async def test_focus_stays_on_a_button_whose_part_is_new(page: Page, tocsin: Tocsin) -> None:
    """Whoever goes by keyboard is not thrown back to the beginning of the page."""
    await is_live(page)
    await page.get_by_role("button", name="Resolve").focus()
    await acknowledge_elsewhere(tocsin)
    await expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    await expect(page.get_by_role("button", name="Resolve")).to_be_focused()


async def test_keys_acknowledge_and_resolve(page: Page, tocsin: Tocsin) -> None:
    """One press each, and the page says what was done; "?" shows all of them."""
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await page.keyboard.press("Control+a")
    await page.keyboard.press("a")
    await expect(page.get_by_text("Acknowledged: nobody else is called.")).to_be_visible()
    await page.keyboard.press("r")
    await expect(page.get_by_text("Resolved.", exact=True)).to_be_visible()
    assert (await tocsin.incident())["status"] == "resolved"


async def test_in_the_list_keys_go_from_row_to_row(page: Page, tocsin: Tocsin) -> None:
    """j and k move, x ticks, a acknowledges what is ticked."""
    await tocsin.open("cpu")
    await page.goto("/incidents")
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name="#2 cpu")).to_be_focused()
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name="#1 disk")).to_be_focused()
    await page.keyboard.press("k")
    await page.keyboard.press("x")
    await page.keyboard.press("a")
    await expect(page.get_by_text("1 incident acknowledged.")).to_be_visible()
    assert (await tocsin.incident(2))["status"] == "acknowledged"
    assert (await tocsin.incident(1))["status"] == "triggered"
