"""python -m pictures --out FOLDER [--page NAME] [--world NAME]

Takes pictures of every page in every world, on a phone and on a desk, in light and in dark; and makes a sheet of them
for each page, and `index.html` over all. Needs Debian's Chromium (apt install chromium).
"""

import argparse
import asyncio
import logging
import shutil
import tempfile
from pathlib import Path

from tests.browser.chromium import PROGRAM, SCHEMES, a_browser
from tests.worlds.places import NAMES
from tests.worlds.world import WORLDS

from pictures.sheet import make_sheets
from pictures.taking import Wanted, take


def main() -> None:
    """Take the pictures that are asked for, and say where they are."""
    parser = argparse.ArgumentParser(
        prog="python -m pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, help="the folder; else one of its own below /tmp")
    parser.add_argument("--page", action="append", choices=sorted(NAMES), metavar="NAME")
    parser.add_argument("--world", action="append", choices=tuple(WORLDS))
    parser.add_argument("--scheme", action="append", choices=SCHEMES)
    parser.add_argument(
        "--first-screen", action="store_true", help="what is seen of a page before anybody scrolls"
    )
    given = parser.parse_args()
    if shutil.which(PROGRAM) is None:
        parser.error(f"{PROGRAM} is missing (Debian, Ubuntu: apt install {PROGRAM})")
    logging.getLogger().addHandler(logging.NullHandler())  # what goes wrong in a world is meant to
    out = given.out or Path(tempfile.gettempdir()) / "tocsin-pictures"
    wanted = Wanted(
        places=frozenset(given.page or NAMES),
        worlds=tuple(given.world or WORLDS),
        schemes=tuple(given.scheme or SCHEMES),
        is_whole=not given.first_screen,
    )
    out.mkdir(parents=True, exist_ok=True)
    asyncio.run(_make(out, wanted))


async def _make(out: Path, wanted: Wanted) -> None:
    async with a_browser() as browser:
        taken = await take(browser, out, wanted)
        await make_sheets(browser, out, taken)
    print(f"{len(taken)} pictures; look at {out / 'index.html'}, or at the sheets beside it")


if __name__ == "__main__":
    main()
