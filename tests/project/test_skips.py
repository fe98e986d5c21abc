"""A test that cannot run says so, and fails where every test is required; none leaves a server."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDS = """
import pytest

@pytest.mark.needs("no-such-program")
def test_with_a_program():
    pass
"""
SKIPS_ITSELF = """
import pytest

def test_without_a_reason():
    pytest.skip("today is no good")
"""
SKIPS_THE_FILE = """
import pytest

pytest.importorskip("no_such_module")
"""
EXPECTED_FAILURE = """
import pytest

@pytest.mark.xfail(reason="known")
def test_that_is_known_to_fail():
    assert False
"""

LEAVES_A_WRITER = """
import threading

import pytest

def a_writer():
    over = threading.Event()
    threading.Thread(target=over.wait, name="tocsin-writer", daemon=True).start()
    return over

@pytest.fixture(scope="module")
def shared():
    over = a_writer()
    yield
    over.set()

def test_that_stops_what_it_starts(shared):
    over = a_writer()
    over.set()
    while threading.active_count() > 2:
        pass

def test_that_leaves_one(shared):
    a_writer()

def test_that_is_innocent(shared):
    pass
"""


def run_pytest(folder: Path, text: str, *, require_all: str) -> subprocess.CompletedProcess[str]:
    """Run one file under this project's own configuration and conftest, in a process of its own."""
    (folder / "tests").mkdir()
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "tests")
    (folder / "tests" / "test_sample.py").write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=folder,
        env={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # theirs take seconds to import
            "TOCSIN_REQUIRE_ALL_TESTS": require_all,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("package", ["no-such-program", "its-package"])
def test_a_missing_program_skips_and_names_the_package(tmp_path: Path, package: str) -> None:
    """Without the program the test is skipped, and the closing lines say what to install."""
    text = NEEDS.replace('program")', f'program", "{package}")')
    done = run_pytest(tmp_path, text if package == "its-package" else NEEDS, require_all="")

    assert done.returncode == 0
    assert "NOT TESTED: no-such-program is missing" in done.stdout
    assert f"apt install {package}" in done.stdout


@pytest.mark.parametrize("text", [NEEDS, SKIPS_ITSELF, SKIPS_THE_FILE])
def test_a_skip_fails_where_every_test_is_required(tmp_path: Path, text: str) -> None:
    """With TOCSIN_REQUIRE_ALL_TESTS=1 no skip, for whatever reason, leaves the run green."""
    done = run_pytest(tmp_path, text, require_all="1")

    assert done.returncode != 0
    assert "skipped, where TOCSIN_REQUIRE_ALL_TESTS=1" in done.stdout


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    """A test marked as known to fail ran, so it does not count as skipped."""
    assert run_pytest(tmp_path, EXPECTED_FAILURE, require_all="1").returncode == 0


def test_a_test_that_leaves_a_server_running_fails(tmp_path: Path) -> None:
    """It alone: those that share a server are not blamed for it, nor is whoever comes next."""
    done = run_pytest(tmp_path, LEAVES_A_WRITER, require_all="")

    assert "3 passed, 1 error" in done.stdout
    assert "ERROR at teardown of test_that_leaves_one" in done.stdout
    assert "1 of tocsin-writer left running" in done.stdout
