"""What people read: aligned columns, relative times, colours only on a terminal, nothing smuggled in."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.conftest import NOON

from tocsin.cli.paint import Cell, Colour, Painter, plain, word
from tocsin.cli.table import GAP, NARROWEST, WIDEST_ENTITY, aligned, columns, cut, entity_cell
from tocsin.cli.when import relative, rough, since

PLAIN = Painter(is_on=False)
SECONDS = timedelta(seconds=1)


def ago(**length: float) -> str:
    return (NOON - timedelta(**length)).isoformat()


@pytest.mark.parametrize(
    ("instant", "shown"),
    [
        (None, "-"),
        (ago(), "now"),
        (ago(milliseconds=999), "now"),
        (ago(milliseconds=-999), "now"),
        (ago(seconds=1), "1s ago"),
        (ago(seconds=59), "59s ago"),
        (ago(seconds=60), "1m ago"),
        (ago(minutes=9, seconds=59), "9m 59s ago"),
        (ago(minutes=10, seconds=1), "10m ago"),
        (ago(hours=5, minutes=30), "5h 30m ago"),
        (ago(days=400), "400d ago"),
        (ago(seconds=-90), "in 1m 30s"),
        ("2026-11-23T11:59:00.000000Z", "1m ago"),
    ],
)
def test_instants_are_seen_from_now(instant: str | None, shown: str) -> None:
    """Two units at most, the smaller one only while it counts."""
    assert relative(instant, NOON) == shown


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9999)))
def test_a_rough_length_is_never_longer_and_nearly_as_long(length: timedelta) -> None:
    """What is shown is at most the length, and less by under a tenth of it, or a second."""
    units = {
        "d": timedelta(days=1),
        "h": timedelta(hours=1),
        "m": timedelta(minutes=1),
        "s": SECONDS,
    }
    shown = sum(
        (int(part[:-1]) * units[part[-1]] for part in rough(length).split()), start=timedelta(0)
    )

    assert timedelta(0) <= length - shown <= max(length / 10, SECONDS)


def test_a_timeline_counts_from_its_start() -> None:
    """Instants of one incident are seen from when it opened."""
    assert since("2026-11-23T12:05:02.250000Z", "2026-11-23T12:00:00Z") == "+5m 2s"
    assert since(NOON.isoformat(), NOON.isoformat()) == "+0s"


TEXTS = st.text(max_size=40)
ROWS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=8)


@given(ROWS)
def test_columns_begin_below_each_other(rows: list[tuple[str, str, str]]) -> None:
    """Whatever the cells hold, each column begins at the same place in every line."""
    marked = [tuple(f"|{cell}|" for cell in row) for row in rows]
    lines = list(aligned(("|A", "|B", "|C"), marked, width=None, painter=PLAIN))

    widest = [max(columns(plain(row[i])) for row in [("|A", "|B"), *marked]) for i in range(2)]
    for line, row in zip(lines[1:], marked, strict=True):
        first, second = plain(row[0]), plain(row[1])
        padding = " " * (widest[0] - columns(first) + GAP)
        assert line.startswith(f"{first}{padding}{second}")


@given(ROWS, st.integers(20, 200))
def test_a_table_fits_the_terminal(rows: list[tuple[str, str, str]], width: int) -> None:
    """Long cells are cut until all fits, but not so far that nothing is left to read."""
    lines = list(aligned(("A", "B", "C"), rows, width=width, painter=PLAIN))

    least = 3 * NARROWEST + 2 * GAP
    assert all(columns(line) <= max(width, least) for line in lines)


def test_a_program_gets_every_character() -> None:
    """Without a terminal nothing is cut."""
    lines = list(aligned(("A",), [("x" * 5000,)], width=None, painter=PLAIN))

    assert lines == ["A", "x" * 5000]


def test_a_long_entity_id_does_not_widen_a_table() -> None:
    """It is cut with an ellipsis, escapes and wide characters counted as they are shown."""
    assert entity_cell("x" * WIDEST_ENTITY) == "x" * WIDEST_ENTITY
    assert entity_cell("x" * 512) == "x" * (WIDEST_ENTITY - 3) + "..."
    assert columns(entity_cell("\x1b磁" * 512)) <= WIDEST_ENTITY


def test_wide_characters_take_two_columns() -> None:
    """An entity in Chinese does not shift what is behind it."""
    assert (columns("磁盘"), columns("e\u0301"), columns("disk")) == (4, 1, 4)
    assert cut("磁盘磁盘", 7) == "磁盘..."


@given(st.text())
def test_no_text_can_steer_a_terminal(text: str) -> None:
    """Escape sequences, newlines and directional marks of an alert are shown, not obeyed."""
    assert plain(text).isprintable()


def test_an_escape_is_still_readable() -> None:
    """What was taken out of action can be recognised."""
    assert plain("disk\x1b[31m\n\u202efull é") == r"disk\x1b[31m\n\u202efull é"


def test_colours_are_put_on_a_terminal_only() -> None:
    """The same cell is plain elsewhere, and its text cannot end the colour."""
    cell = Cell("bad\x1b[0m", Colour.BAD)

    assert Painter(is_on=True).paint(cell) == "\x1b[31mbad\\x1b[0m\x1b[0m"
    assert PLAIN.paint(cell) == r"bad\x1b[0m"
    assert Painter(is_on=True).paint("plain") == "plain"


def test_a_coloured_column_is_as_wide_as_a_plain_one() -> None:
    """Colours take no columns."""
    rows = [(word("triggered"), "x"), (word("resolved"), "y")]
    coloured = list(aligned(("A", "B"), rows, width=None, painter=Painter(is_on=True)))

    without = [re.sub(r"\x1b\[\d+m", "", line) for line in coloured]
    assert without == list(aligned(("A", "B"), rows, width=None, painter=PLAIN))
    assert coloured[1].startswith("\x1b[31mtriggered\x1b[0m  x")


def test_instants_of_other_zones_are_the_same_instants() -> None:
    """A relative time does not depend on how the instant is written."""
    written = datetime(2026, 11, 23, 13, 0, tzinfo=UTC).isoformat()

    assert relative(written, NOON) == relative("2026-11-23T15:00:00+02:00", NOON) == "in 1h"
