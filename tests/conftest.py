"""What holds for every test: nothing is skipped in silence."""

import os
import shutil
from collections.abc import Generator

import pytest
from hypothesis import settings

# A shared machine stalls: an example's time says nothing about the code.
settings.register_profile("tocsin", deadline=None, print_blob=True)
settings.load_profile("tocsin")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked `needs(program)` where that program is not installed."""
    for mark in item.iter_markers("needs"):
        (program,) = mark.args
        if shutil.which(program) is None:
            pytest.skip(f"NOT TESTED: {program} is missing (Debian, Ubuntu: apt install {program})")


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
