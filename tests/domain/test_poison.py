"""How long what fails alone waits."""

from datetime import UTC, datetime, timedelta

from tocsin.domain.poison import wait_until

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def test_it_waits_longer_each_time_and_for_ever() -> None:
    """1, 5, 15, 60 minutes, and then every hour."""
    waits = [wait_until(NOW, failures=failures) - NOW for failures in range(7)]
    assert waits == [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 60, 60, 60)]
