"""What holds for every test: nothing is skipped in silence, and no server is left running."""

import os
import shutil
import threading
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

# A shared machine stalls: an example's time says nothing about the code.
settings.register_profile("tocsin", deadline=None, print_blob=True)
settings.load_profile("tocsin")

WRITER = "tocsin-writer"
"""A server, and whatever else writes to a store, has one thread of this name while it runs."""


@pytest.fixture(autouse=True)
def _no_server_is_left() -> Iterator[None]:
    """Fail a test that leaves a server running. Fixtures that tests share are made before this one."""
    before = _writers()
    yield
    left = _writers() - before
    if left:
        pytest.fail(f"{len(left)} of {WRITER} left running: stop what the test started")


def _writers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == WRITER}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked `needs(program)`, or `needs(program, package)`, where it is not installed."""
    for mark in item.iter_markers("needs"):
        program, package = mark.args[0], mark.args[-1]
        if shutil.which(program) is None:
            pytest.skip(f"NOT TESTED: {program} is missing (Debian, Ubuntu: apt install {package})")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what was skipped, whatever for, where every test is required."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _fail_if_required(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a file that skips itself as a whole."""
    report = yield
    if report.skipped:
        _fail_if_required(report)
    return report


def _fail_if_required(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("TOCSIN_REQUIRE_ALL_TESTS") == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped, where TOCSIN_REQUIRE_ALL_TESTS=1:\n{report.longreprtext}"
