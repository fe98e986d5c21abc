"""When an incident became what it is, and how long others needed."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.domain.incident_times import TELLING, read_times
from tocsin.domain.timeline import Kind

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def minute(count: int) -> datetime:
    return NOW + timedelta(minutes=count)


@pytest.mark.parametrize(
    ("kinds", "since", "taken", "resolved"),
    [
        ([Kind.OPENED], 0, None, None),
        ([Kind.OPENED, Kind.REROUTED], 0, None, None),
        ([Kind.OPENED, Kind.ACKNOWLEDGED], 1, 1, None),
        ([Kind.OPENED, Kind.HELD, Kind.HOLD_ENDED], 2, 1, None),
        ([Kind.OPENED, Kind.HELD, Kind.REROUTED, Kind.REROUTED], 2, 1, None),
        ([Kind.OPENED, Kind.ACKNOWLEDGED, Kind.REOPENED, Kind.ACKNOWLEDGED], 3, 1, None),
        ([Kind.OPENED, Kind.RESOLVED], 1, None, 1),
    ],
)
def test_times_are_read_from_the_timeline(
    kinds: list[Kind], since: int, taken: int | None, resolved: int | None
) -> None:
    """Rerouting what is triggered changes nothing of it; the first who took it counts."""
    times = read_times((kind, minute(at)) for at, kind in enumerate(kinds))
    assert TELLING.issuperset(kinds)
    assert times.since == minute(since)
    assert times.until_taken == (None if taken is None else timedelta(minutes=taken))
    assert times.until_resolved == (None if resolved is None else timedelta(minutes=resolved))
