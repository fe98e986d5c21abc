"""Takes pictures: a world is served, somebody is signed in, and goes wherever there is a page."""

import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from playwright.async_api import Browser, Page
from tests.behaviour.harness import Tocsin
from tests.browser.chromium import (
    DESK,
    PHONE,
    Scheme,
    Size,
    a_context,
    is_wider_than_its_window,
    listen_for_complaints,
)
from tests.browser.signing_in import signed_in
from tests.worlds.hostile import HACKED
from tests.worlds.places import Place, places_in
from tests.worlds.served import Homes

SIZES = (PHONE, DESK)
_TALLEST = 5_000  # CSS pixels; what lies below is more of the same
_EVERY = 20  # pictures, from one line of progress to the next


class Wanted(NamedTuple):
    """Which pictures are to be taken."""

    places: frozenset[str]
    worlds: tuple[str, ...]
    schemes: tuple[Scheme, ...]
    is_whole: bool
    """Whether to take all of a page, or what a window shows of it."""


class Picture(NamedTuple):
    """A picture that was taken."""

    place: str
    world: str
    width: int
    scheme: Scheme
    file: Path
    remarks: tuple[str, ...]
    """What is wrong with the page, as can be told without looking."""


async def take(browser: Browser, out: Path, wanted: Wanted) -> list[Picture]:
    """Take all, and say how far it is; what was taken before is written over."""
    taken: list[Picture] = []
    with tempfile.TemporaryDirectory(prefix="tocsin-worlds-") as folder:
        homes = Homes(Path(folder))
        for world in wanted.worlds:
            print(f"{world}: making the world ...", flush=True)
            await homes.home(world)
            async with homes.served(world, Path(folder) / f"{world}-served") as tocsin:
                taken += await _in_world(browser, tocsin, out, world, wanted)
    return taken


async def _in_world(
    browser: Browser, tocsin: Tocsin, out: Path, world: str, wanted: Wanted
) -> list[Picture]:
    (out / world).mkdir(parents=True, exist_ok=True)
    places = [each for each in await places_in(tocsin) if each.name in wanted.places]
    state = await signed_in(tocsin)
    taken: list[Picture] = []
    count = len(places) * len(SIZES) * len(wanted.schemes)
    began = time.monotonic()
    for size, scheme in itertools.product(SIZES, wanted.schemes):
        async with a_context(
            browser, tocsin.server.url, size=size, scheme=scheme, storage_state=state
        ) as context:
            complaints = listen_for_complaints(context)
            page = await context.new_page()
            await page.clock.set_fixed_time(tocsin.now)
            for place in places:
                file = out / world / f"{place.name}-{size.width}-{scheme}.png"
                remarks = [
                    *await _picture(page, place, size, file, is_whole=wanted.is_whole),
                    *complaints,
                ]
                complaints.clear()
                taken.append(Picture(place.name, world, size.width, scheme, file, tuple(remarks)))
                for remark in remarks:
                    print(f"  {file.relative_to(out)}: {remark}", flush=True)
                if len(taken) % _EVERY == 0 or len(taken) == count:
                    took = time.monotonic() - began
                    print(f"{world}: {len(taken)} of {count} pictures, {took:.0f} s", flush=True)
    return taken


async def _picture(
    page: Page, place: Place, size: Size, file: Path, *, is_whole: bool
) -> Sequence[str]:
    """Take a picture; return what can be told to be wrong without looking at it."""
    if place.is_for_strangers:
        await page.context.clear_cookies()
    answer = await page.goto(place.path)
    remarks = []
    if answer is not None and answer.status >= 400 and place.route:
        remarks.append(f"{place.path} was answered {answer.status}")
    if await page.title() == HACKED or await page.evaluate(f"'{HACKED}' in window"):
        remarks.append("a script of somebody else's ran")
    if await is_wider_than_its_window(page):
        remarks.append("it is wider than its window")
    height = int(await page.evaluate("document.documentElement.scrollHeight"))
    if is_long := is_whole and height > _TALLEST:
        remarks.append(f"it is {height:,} pixels long")
        await page.set_viewport_size({"width": size.width, "height": _TALLEST})
    await page.screenshot(path=file, full_page=is_whole and not is_long, animations="disabled")
    if is_long:
        await page.set_viewport_size({"width": size.width, "height": size.height})
    return remarks
