"""Work that takes long says how far it is, now and then, where it does not mix with the result."""

import io
from datetime import timedelta

import pytest
from tests.manual_clock import ManualClock

from tocsin.cli.long_work import Progress, size_text
from tocsin.cli.shell import Shell


def test_it_is_said_every_two_seconds() -> None:
    """And not for each of the many steps; nothing at all when it is done sooner."""
    clock, err = ManualClock(), io.StringIO()
    told = Progress(Shell({}, io.StringIO(), err, clock.now(), clock))
    for done in range(50):
        told("pages", 1000 * done, 50_000)
        clock.advance(timedelta(seconds=0.1))
    clock.advance(timedelta(seconds=2))
    told("alerts", 5_000, None)
    assert err.getvalue().splitlines() == [
        "tocsin: pages: 20,000 of 50,000",
        "tocsin: pages: 40,000 of 50,000",
        "tocsin: alerts: 5,000",
    ]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1536, "1.5 KiB"),
        (245_760, "240 KiB"),
        (5 << 40, "5.0 TiB"),
    ],
)
def test_sizes_are_written_for_people(size: int, text: str) -> None:
    """In the largest unit, with one digit where that says something."""
    assert size_text(size) == text
