"""The pages behind one-time links, as a person meets them at night: on a phone, in either scheme."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from tests.behaviour.harness import Tocsin, a_server
from tests.browser.chromium import (
    PHONE,
    SCHEMES,
    Scheme,
    a_context,
    is_wider_than_its_window,
    listen_for_complaints,
    violations,
)

pytestmark = [pytest.mark.anyio, pytest.mark.needs("chromium")]
PUBLIC = "https://tocsin.example"
LONG = "disk-" * 100 + "</h1><script>document.title='hacked'</script>"


@pytest.fixture
async def tocsin(home: Path) -> AsyncIterator[Tocsin]:
    """A server that makes links."""
    async with a_server(home, public_url=PUBLIC) as made:
        yield made


async def a_link(tocsin: Tocsin) -> str:
    """Page somebody about a hostile entity; return the path of the link that acknowledges it."""
    await tocsin.configure(
        {"main": [("0s", ["pager"])]}, webhooks={"pager": {"links": ["acknowledge"]}}
    )
    await tocsin.open(LONG)
    return tocsin.receiver.requests[-1].fields["ack_url"].strip('"').removeprefix(PUBLIC)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_link_acknowledges_with_two_taps(
    tocsin: Tocsin, browser: Browser, scheme: Scheme
) -> None:
    """Without JavaScript, from a page that fits a phone, whatever the entity is called; the answer says so."""
    path = await a_link(tocsin)
    async with a_context(
        browser, tocsin.server.url, size=PHONE, scheme=scheme, with_javascript=False
    ) as context:
        page = await context.new_page()
        await page.goto(path)
        await expect(page.locator("h1")).to_contain_text("1")
        assert not await is_wider_than_its_window(page)
        await page.get_by_role("button").click()
        await expect(page.locator("h1")).to_have_text("Incident 1 is acknowledged")
        assert await page.title() != "hacked"
    assert (await tocsin.incident())["status"] == "acknowledged"


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_link_pages_have_nothing_that_axe_objects_to(
    tocsin: Tocsin, browser: Browser, scheme: Scheme
) -> None:
    """Neither one that is open nor one that was used or is none."""
    path = await a_link(tocsin)
    async with a_context(browser, tocsin.server.url, size=PHONE, scheme=scheme) as context:
        complaints = listen_for_complaints(context)
        page = await context.new_page()
        await page.goto(path)
        assert await violations(page) == []
        await page.get_by_role("button").click()
        await expect(page.locator("h1")).to_have_text("Incident 1 is acknowledged")
        assert await violations(page) == []
        assert not complaints
        await page.goto("/l/none")
        assert await violations(page) == []
