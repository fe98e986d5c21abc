"""Sheets: all pictures of a page side by side, as HTML for people and as one PNG each."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from playwright.async_api import Browser

from pictures.taking import Picture

_STYLE = """
body { margin: 16px; background: #777; color: #fff; font: 16px sans-serif; }
a { color: #fff; } h2 { margin: 24px 0 8px; font-size: 18px; }
.row { display: flex; gap: 12px; align-items: flex-start; }
figure { margin: 0; flex: 0 1 auto; } figcaption { font-size: 12px; }
img { display: block; max-height: 1000px; object-fit: cover; object-position: top left; }
img.narrow { width: 260px; } img.wide { width: 640px; } .remark { color: #ff0; max-width: 640px; }
"""
_WIDTH = 1900  # CSS pixels
_WIDE = 1000


async def make_sheets(browser: Browser, out: Path, taken: Sequence[Picture]) -> None:
    """Write `PLACE.html` and `PLACE.png` for each place, and `index.html` that leads to all."""
    page = await browser.new_page(viewport={"width": _WIDTH, "height": 1000})
    places = []
    for place, found in groupby(
        sorted(taken, key=lambda each: each.place), lambda each: each.place
    ):
        file = out / f"{place}.html"
        file.write_text(_sheet(place, list(found), out), encoding="utf-8")
        await page.goto(file.as_uri())
        await page.screenshot(path=file.with_suffix(".png"), full_page=True)
        places.append(place)
    await page.close()
    links = "".join(f'<p><a href="{each}.html">{each}</a></p>' for each in places)
    (out / "index.html").write_text(_page("Pictures", links), encoding="utf-8")


def _sheet(place: str, pictures: Sequence[Picture], out: Path) -> str:
    rows = []
    for world in dict.fromkeys(each.world for each in pictures):
        of_world = (each for each in pictures if each.world == world)
        rows.append(f'<h2>{world}</h2><div class="row">{_figures(of_world, out)}</div>')
    return _page(place, "".join(rows))


def _figures(pictures: Iterable[Picture], out: Path) -> str:
    made = []
    for each in pictures:
        name = each.file.relative_to(out).as_posix()
        size = "wide" if each.width >= _WIDE else "narrow"
        remarks = "".join(f'<p class="remark">{escape(remark)}</p>' for remark in each.remarks)
        made.append(
            f'<figure><a href="{name}"><img class="{size}" src="{name}" alt=""></a>'
            f"<figcaption>{each.width}, {each.scheme}</figcaption>{remarks}</figure>"
        )
    return "".join(made)


def _page(title: str, body: str) -> str:
    return f'<!doctype html><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>{body}'
