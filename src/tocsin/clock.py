"""The one place that reads the time."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time to whoever passes it on as an argument."""

    def now(self) -> datetime:
        """Return the instant. Units: aware UTC."""

    def monotonic(self) -> float:
        """Return a reading that never goes back. Units: seconds."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()
