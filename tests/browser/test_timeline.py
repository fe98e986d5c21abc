"""The timeline in a real browser: it grows by itself, does not move under whoever reads it, and survives a lost connection."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from tests.behaviour.following import signed_in
from tests.behaviour.harness import Tocsin
from tests.browser.chromium import Size, a_context, listen_for_complaints
from tests.browser.signing_in import carrying

from tocsin.domain.feed import Place, parse_place
from tocsin.web.live import REST

pytestmark = [pytest.mark.anyio, pytest.mark.needs("chromium")]
LOW = Size(800, 300)
"""A window in which the list has to be scrolled."""


@pytest.fixture
async def page(browser: Browser, tocsin: Tocsin) -> AsyncIterator[Page]:
    """A low window, of somebody who has signed in. A complaint of a page fails the test."""
    visitor = await signed_in(tocsin)
    state: Any = carrying(tocsin, visitor.session)
    async with a_context(browser, tocsin.server.url, size=LOW, storage_state=state) as context:
        complaints = listen_for_complaints(context)
        yield await context.new_page()
        assert not [each for each in complaints if "ERR_" not in each]


async def follow(page: Page, tocsin: Tocsin) -> None:
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await page.goto("/")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()


async def until_there_are(page: Page, tocsin: Tocsin, entity: str, entries: int) -> None:
    """Let the server's time go by until the page has so many entries of an entity."""
    found = page.locator(".entry", has_text=entity)
    async with asyncio.timeout(20):
        while await found.count() < entries:
            tocsin.clock.advance(REST)
            await asyncio.sleep(0.01)
    assert await found.count() == entries


async def on_record(tocsin: Tocsin, entity: str) -> int:
    return len((await tocsin.get("timeline", entity=entity, limit=200))["items"])


async def test_it_grows_by_itself(page: Page, tocsin: Tocsin) -> None:
    """The newest on top; an incident has one status, in all of its entries; and it is said to who listens."""
    await follow(page, tocsin)
    await tocsin.alert(entity_id="disk")
    count = await on_record(tocsin, "disk")
    await until_there_are(page, tocsin, "disk", count)
    await tocsin.act(1, "acknowledge")
    await until_there_are(page, tocsin, "disk", count + 1)
    await expect(page.locator(".entry").first).to_contain_text("Acknowledged by")
    statuses = await page.locator(".entry [data-status-of='1']").all_inner_texts()
    assert set(statuses) == {"acknowledged"}
    await expect(page.locator("[data-said]")).to_contain_text("new entr")


async def test_it_does_not_move_under_whoever_reads_it(page: Page, tocsin: Tocsin) -> None:
    """Who has scrolled, or holds it, finds what is new behind a button."""
    await follow(page, tocsin)
    for number in range(4):
        await tocsin.alert(entity_id=f"disk-{number}")
    await until_there_are(page, tocsin, "disk-3", await on_record(tocsin, "disk-3"))
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    before = await page.locator(".entry").count()
    await tocsin.alert("INFO", "disk-0")
    show = page.get_by_role("button", name="Show 1 new entry")
    async with asyncio.timeout(20):
        while not await show.is_visible():
            tocsin.clock.advance(REST)
            await asyncio.sleep(0.01)
    assert await page.locator(".entry").count() == before
    await show.click()
    await expect(page.locator(".entry")).to_have_count(before + 1)
    await expect(show).to_be_hidden()
    assert await page.evaluate("scrollY") == 0

    await page.get_by_role("button", name="Stop following").click()
    await expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    await tocsin.alert("INFO", "disk-1")
    async with asyncio.timeout(20):
        while not await show.is_visible():
            tocsin.clock.advance(REST)
            await asyncio.sleep(0.01)
    await page.get_by_role("button", name="Follow").click()
    await expect(page.locator(".entry")).to_have_count(before + 2)


async def shown(page: Page) -> list[Place]:
    entries = page.locator(".entry")
    ids = await entries.evaluate_all("(all) => all.map((each) => each.id.slice(1))")
    return [parse_place(each) for each in ids]


async def test_whoever_scrolls_back_up_finds_everything_in_order(
    page: Page, tocsin: Tocsin
) -> None:
    """What waited comes before what comes then."""
    await follow(page, tocsin)
    for number in range(4):
        await tocsin.alert(entity_id=f"disk-{number}")
    await until_there_are(page, tocsin, "disk-3", await on_record(tocsin, "disk-3"))
    before = len(await shown(page))
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await tocsin.alert("INFO", "disk-0")
    async with asyncio.timeout(20):
        while not await page.get_by_role("button", name="Show 1 new entry").is_visible():
            tocsin.clock.advance(REST)
            await asyncio.sleep(0.01)
    await page.evaluate("scrollTo(0, 0)")
    await tocsin.alert("INFO", "disk-1")
    async with asyncio.timeout(20):
        while len(await shown(page)) == before:
            tocsin.clock.advance(REST)
            await asyncio.sleep(0.01)
    places = await shown(page)
    assert len(places) == before + 2
    assert places == sorted(places, reverse=True)


async def test_what_has_no_room_any_more_is_behind_the_link_for_older(
    page: Page, tocsin: Tocsin
) -> None:
    """A page that is open for long shows 300, and leaves none out between these and the older ones."""
    await follow(page, tocsin)
    await tocsin.alert(entity_id="disk")
    count = await on_record(tocsin, "disk")
    await until_there_are(page, tocsin, "disk", count)
    for more in (80, 80, 80, 70):
        for _ in range(more):
            await tocsin.post_alert({"message_type": "INFO", "entity_id": "disk"})
        count = min(count + more, 300)
        await until_there_are(page, tocsin, "disk", count)
    last = (await shown(page))[-1]
    await page.get_by_role("link", name="Older").click()
    await page.wait_for_url("**before=*")
    assert (await shown(page))[0].position == last.position - 1


async def test_a_lost_connection_leaves_no_gap_and_no_repeat(page: Page, tocsin: Tocsin) -> None:
    """A page that was hidden, and one whose server was gone for a moment."""
    await follow(page, tocsin)
    await tocsin.alert(entity_id="disk")
    count = await on_record(tocsin, "disk")
    await until_there_are(page, tocsin, "disk", count)
    hide = "(is) => { Object.defineProperty(document, 'hidden', {value: is, configurable: true});"
    hide += "document.dispatchEvent(new Event('visibilitychange')); }"
    await page.evaluate(hide, True)  # noqa: FBT003 - what the script takes
    await tocsin.alert("INFO", "disk")
    await page.evaluate(hide, False)  # noqa: FBT003
    await until_there_are(page, tocsin, "disk", count + 1)

    await page.context.set_offline(True)
    await tocsin.alert("INFO", "disk")
    await page.context.set_offline(False)
    await until_there_are(page, tocsin, "disk", count + 2)
    ids = [await each.get_attribute("id") for each in await page.locator(".entry").all()]
    assert len(set(ids)) == len(ids)


async def test_without_scripts_it_is_a_page(browser: Browser, tocsin: Tocsin) -> None:
    """With links for what is chosen, and no button that does nothing."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert(entity_id="disk")
    state: Any = carrying(tocsin, (await signed_in(tocsin)).session)
    async with a_context(
        browser, tocsin.server.url, with_javascript=False, storage_state=state
    ) as context:
        page = await context.new_page()
        await page.goto("/")
        assert await page.get_by_role("button", name="Stop following").count() == 0
        await page.get_by_role("link", name="Alerts").click()
        await expect(page.locator(".entry")).to_have_count(1)
        await page.get_by_text("Narrow it down").click()
        await page.get_by_label("Entity begins with").fill("nothing")
        await page.get_by_role("button", name="Show").click()
        await expect(page.get_by_text("Nothing of this kind")).to_be_visible()
