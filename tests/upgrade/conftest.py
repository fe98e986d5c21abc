"""A clone without history, or no clone at all, has no previous revision: that is said, and no failure of ours."""

import pytest
from tests.upgrade.history import find_previous

HAS_HISTORY = find_previous() is not None
collect_ignore = [] if HAS_HISTORY else ["test_rolling_upgrade.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested."""
    if not HAS_HISTORY:
        terminalreporter.write_line(
            "NOT TESTED: the previous revision on today's schema, which is not in this clone: "
            "git fetch --unshallow",
            yellow=True,
        )
