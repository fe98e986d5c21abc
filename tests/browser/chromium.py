"""Debian's Chromium, driven by Playwright, and what is asked of every page that it shows."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    async_playwright,
    expect,
)

PROGRAM: Final = "chromium"
Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
PATIENCE: Final = 15_000.0  # milliseconds until what is waited for has to be there
expect.set_options(timeout=PATIENCE)
_ABOUT_COLOURS: Final = ["color-contrast", "link-in-text-block"]
_AXE: Final = Path(__file__).parent / "axe" / "axe.min.js"


class Size(NamedTuple):
    """Of a window, in CSS pixels."""

    width: int
    height: int


PHONE: Final = Size(390, 844)
DESK: Final = Size(1440, 900)


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """Run the Chromium that is installed; Playwright's own it would have to download."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which(PROGRAM))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def a_context(
    browser: Browser,
    url: str,
    *,
    size: Size = DESK,
    scheme: Scheme = "light",
    with_javascript: bool = True,
    **more: Any,
) -> AsyncIterator[BrowserContext]:
    """A browser that has never been anywhere, for as long as the block lasts; paths are below `url`."""
    context = await browser.new_context(
        base_url=url,
        viewport={"width": size.width, "height": size.height},
        color_scheme=scheme,
        reduced_motion="reduce",
        timezone_id="Europe/Berlin",
        locale="en-GB",
        java_script_enabled=with_javascript,
        **more,
    )
    context.set_default_timeout(PATIENCE)
    try:
        yield context
    finally:
        await context.close()


_NO_FAULTS = ("Failed to load", "htmx:sendAbort", "htmx:afterRequest")
"""What `see` says better; and what htmx says of a request that was given up, for a later one or another page."""


def listen_for_complaints(context: BrowserContext) -> list[str]:
    """Return what will hold all that the pages of a context complain about: errors of scripts, what the
    Content-Security-Policy refused, and what a page loads beside itself that is not there.
    """
    found: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(
            each in message.text for each in _NO_FAULTS
        ):
            found.append(f"{message.location.get('url')}: {message.text}")

    def see(answer: Response) -> None:
        if answer.status >= 400 and not answer.request.is_navigation_request():
            found.append(f"{answer.url} was answered {answer.status}")

    context.on("console", hear)
    context.on("response", see)
    context.on("weberror", lambda error: found.append(f"{error.page and error.page.url}: {error}"))
    return found


async def violations(page: Page, *, of_colours: bool = False) -> list[str]:
    """Return what axe-core finds wrong with a page, a line each: the rule, where, and why.

    `of_colours`: only what another colour scheme could change, for a page that was looked at as a whole.
    """
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_axe())
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if of_colours:
        options["runOnly"] = {"type": "rule", "values": _ABOUT_COLOURS}
    result = await page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{each['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for each in result["violations"]
        for node in each["nodes"]
    ]


@cache
def _axe() -> str:
    return _AXE.read_text(encoding="utf-8")


async def is_wider_than_its_window(page: Page) -> bool:
    """Whether a person has to scroll sideways, or cannot see what is there."""
    return bool(
        await page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
    )
