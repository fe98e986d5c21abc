"""Every page that there is: nothing that axe-core objects to, nothing too wide, too heavy, or hurt."""

from pathlib import Path

import pytest
from playwright.async_api import Browser
from tests.browser.chromium import DESK, PHONE, Size
from tests.browser.visiting import a_visitor, fail_with
from tests.worlds.places import NO_PAGES, get_routes, places_in
from tests.worlds.served import Homes

pytestmark = pytest.mark.anyio
IN_A_BROWSER = pytest.mark.needs("chromium")


async def test_every_page_has_an_example(homes: Homes, tmp_path: Path) -> None:
    """A page that nobody has given an example of in `tests/worlds/places.py` is met by no test below."""
    async with homes.served("few", tmp_path / "home") as tocsin:
        shown = {place.route for place in await places_in(tocsin)}
    assert set(get_routes()) - shown - NO_PAGES.keys() == set()


@IN_A_BROWSER
@pytest.mark.parametrize(("world", "size"), [("empty", DESK), ("few", DESK), ("hostile", PHONE)])
async def test_axe_objects_to_nothing(
    homes: Homes, tmp_path: Path, browser: Browser, world: str, size: Size
) -> None:
    """In light and in dark, whatever the names; no script of a sender's runs, and no page complains."""
    found: dict[str, list[str]] = {}
    async with (
        homes.served(world, tmp_path / "home") as tocsin,
        a_visitor(browser, tocsin, size=size) as visitor,
    ):
        for place in await places_in(tocsin):
            found[place.name] = [*await visitor.visit(place), *await visitor.violations()]
    fail_with(found)
