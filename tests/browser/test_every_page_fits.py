"""Every page that there is, on a phone: nothing is wider than its screen, and nothing heavy."""

from pathlib import Path

import pytest
from playwright.async_api import Browser
from tests.browser.chromium import PHONE
from tests.browser.visiting import a_visitor, fail_with
from tests.worlds.places import places_in
from tests.worlds.served import Homes

pytestmark = [pytest.mark.anyio, pytest.mark.needs("chromium")]


@pytest.mark.parametrize("world", ["few", "many"])
async def test_every_page_fits_a_phone(
    homes: Homes, tmp_path: Path, browser: Browser, world: str
) -> None:
    """Nothing is wider than its screen, and no page with its style and scripts is over 150 KB, however much there is."""
    found: dict[str, list[str]] = {}
    async with (
        homes.served(world, tmp_path / "home") as tocsin,
        a_visitor(browser, tocsin, size=PHONE) as visitor,
    ):
        for place in await places_in(tocsin):
            found[place.name] = await visitor.visit(place)
    fail_with(found)
