"""One visit of a page, and what is asked of every page that there is."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page
from tests.behaviour.harness import Tocsin
from tests.browser.chromium import (
    SCHEMES,
    Size,
    a_context,
    is_wider_than_its_window,
    listen_for_complaints,
    violations,
)
from tests.browser.signing_in import signed_in
from tests.worlds.hostile import HACKED
from tests.worlds.places import Place

HEAVIEST = 150_000
"""Bytes of a page with all that it loads, before anything is packed."""


class Visitor:
    """Somebody who is signed in, and goes from page to page with an open eye."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._complaints = listen_for_complaints(page.context)
        self._weight = 0

    async def weigh(self) -> None:
        """Weigh all that is loaded from now on, after unpacking, and as if it were seen for the first time."""
        browser = await self.page.context.new_cdp_session(self.page)
        browser.on("Network.dataReceived", lambda data: self._add(data["dataLength"]))
        await browser.send("Network.enable")
        await browser.send("Network.setCacheDisabled", {"cacheDisabled": True})

    def _add(self, received: int) -> None:
        self._weight += received

    async def visit(self, place: Place) -> list[str]:
        """Return what is wrong with a page, as far as a program can tell."""
        if place.is_for_strangers:
            await self.page.context.clear_cookies()
        self._complaints.clear()
        self._weight = 0
        answer = await self.page.goto(place.path)
        assert answer is not None
        found = []
        if answer.status != (200 if place.route else 404):
            found.append(f"it was answered {answer.status}")
        if self._weight > HEAVIEST:
            found.append(f"it weighs {self._weight:,} bytes")
        if await self.page.title() == HACKED or await self.page.evaluate(f"'{HACKED}' in window"):
            found.append("a script of somebody else's ran")
        if await is_wider_than_its_window(self.page):
            found.append("it is wider than its window")
        return found + self._complaints

    async def violations(self) -> list[str]:
        """Return what axe-core finds wrong with the page that is open, in either colour scheme."""
        found = []
        for scheme in SCHEMES:
            await self.page.emulate_media(color_scheme=scheme)
            again = scheme != SCHEMES[0]
            found += [f"{scheme}: {each}" for each in await violations(self.page, of_colours=again)]
        return found


@asynccontextmanager
async def a_visitor(
    browser: Browser, tocsin: Tocsin, *, size: Size, with_javascript: bool = True
) -> AsyncIterator[Visitor]:
    """Sign an administrator in, who has all pages, at the instant at which the world stands still."""
    async with a_context(
        browser,
        tocsin.server.url,
        size=size,
        with_javascript=with_javascript,
        storage_state=await signed_in(tocsin),
    ) as context:
        page = await context.new_page()
        await page.clock.set_fixed_time(tocsin.now)
        visitor = Visitor(page)
        await visitor.weigh()
        yield visitor


def fail_with(found: Mapping[str, Sequence[str]]) -> None:
    """Fail with a line for everything that is wrong with a page."""
    lines = [f"{name}: {each}" for name, remarks in found.items() for each in remarks]
    if lines:
        pytest.fail("\n".join(lines))
