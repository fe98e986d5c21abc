"""Columns that are aligned, and fit the terminal."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from tocsin.cli.paint import Cell, Colour, Painter, plain

GAP: Final = 2
NARROWEST: Final = 12
"""A column is cut to fit the terminal, but not below this."""
WIDEST_ENTITY: Final = 60
"""An entity id of 512 characters would push what stands behind it out of every row's sight."""


def aligned(
    headings: Sequence[str],
    rows: Sequence[Sequence[str | Cell]],
    *,
    width: int | None,
    painter: Painter,
) -> Iterator[str]:
    """Yield a line for the headings and one for each row.

    Units: `width` is in columns of the terminal; None: as wide as need be, for programs.
    """
    lines = [[Cell(heading, Colour.FAINT) for heading in headings], *map(_cells, rows)]
    widths = [max(columns(line[i].text) for line in lines) for i in range(len(headings))]
    if width is not None:
        widths = _fitted(widths, width)
    for line in lines:
        yield _line(line, widths, painter)


def _cells(row: Sequence[str | Cell]) -> list[Cell]:
    cells = (Cell(each) if isinstance(each, str) else each for each in row)
    return [Cell(plain(cell.text), cell.colour) for cell in cells]


def _line(line: Sequence[Cell], widths: Sequence[int], painter: Painter) -> str:
    parts = []
    for cell, width in zip(line, widths, strict=True):
        text = cut(cell.text, width)
        parts.append(painter.paint(Cell(text, cell.colour)) + " " * (width - columns(text)))
    return (" " * GAP).join(parts).rstrip()


def _fitted(widths: Sequence[int], width: int) -> list[int]:
    """Return the widths with the widest columns cut until all fit, or none can be cut."""
    fitted = list(widths)
    while sum(fitted) + GAP * (len(fitted) - 1) > width and max(fitted) > NARROWEST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(each) for each in text)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def entity_cell(entity_id: str) -> str:
    """Return an entity id as tables have it, wherever they are printed; what shows one has it whole."""
    return cut(plain(entity_id), WIDEST_ENTITY)


def cut(text: str, width: int) -> str:
    """Return the text if it fits, else its beginning and `...`."""
    if columns(text) <= width:
        return text
    while columns(text) > width - 3:
        text = text[:-1]
    return f"{text}..."
