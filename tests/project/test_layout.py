"""What the tree promises: short files with telling names, pinned parts, no trace of a machine."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_FILE = 400
EMPTY_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "manager", "misc"}
MACHINE_PATHS = tuple(f"/{folder}/" for folder in ("work", "root", "home/[a-z]+"))
LOCKS = ("run.txt", "test.txt", "lock.txt", "fuzz.txt")
PIN = re.compile(r"(?P<name>[a-z0-9.-]+)==(?P<version>[^ ;]+)(?P<marker> ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def files_of_the_project() -> list[Path]:
    """Every file that is in the repository or about to be; without git, every Python file."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0:
        return [path for name in listing.stdout.split("\0") if (path := ROOT / name).is_file()]
    folders = ("src", "receiver", "tests", "bench", "fuzz", "pictures")
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


def python_files() -> list[Path]:
    return [path for path in files_of_the_project() if path.suffix == ".py"]


def lock_lines(lock: str) -> list[str]:
    return (ROOT / "requirements" / lock).read_text().splitlines()


def pins(lock: str) -> Iterator[tuple[str, str]]:
    """Each pin's name, and its version with the marker."""
    for line in lock_lines(lock):
        if pin := PIN.fullmatch(line):
            yield pin["name"], pin["version"] + (pin["marker"] or "")


def test_no_file_is_too_long_to_read() -> None:
    """No Python file has more than 400 lines, but for migrations, which nobody reads or changes."""
    assert python_files()
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in python_files()
        if path.parent.name != "versions"
        and (lines := len(path.read_text().splitlines())) > LONGEST_FILE
    }
    assert not too_long


def test_every_file_is_named_for_what_it_answers() -> None:
    """No module or package has a name that would fit any content."""
    names = {
        path: {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
        for path in python_files()
    }
    assert not [str(path) for path, parts in names.items() if parts & EMPTY_NAMES]


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    """No file of the project mentions a folder that only one machine has."""
    paths = re.compile("|".join(rf"(?<![\w.~}}-]){path}" for path in MACHINE_PATHS))
    telling = [
        str(path.relative_to(ROOT))
        for path in files_of_the_project()
        if paths.search(path.read_text(errors="replace"))
    ]
    assert not telling


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_holds_pins_with_hashes_and_nothing_else(lock: str) -> None:
    """Every line is a pin, its hash or a comment: no index address, no option, nothing unpinned."""
    others = [
        line
        for line in lock_lines(lock)
        if not (PIN.fullmatch(line) or HASH.fullmatch(line) or line.lstrip().startswith("#"))
    ]
    assert not [line for line in others if line]
    assert "://" not in "\n".join(lock_lines(lock))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    """The line after a pin is a hash, so that pip refuses anything else."""
    lines = lock_lines(lock)
    after = [lines[i + 1] for i, line in enumerate(lines) if PIN.fullmatch(line)]
    assert after
    assert all(HASH.fullmatch(line) for line in after)


def test_the_tests_run_on_what_users_run() -> None:
    """Everything pinned for running is pinned alike for the tests."""
    assert set(pins("run.txt")) <= set(pins("test.txt"))


def test_everything_that_is_asked_for_is_locked() -> None:
    """No dependency was added to pyproject.toml without `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    asked = {
        "run.txt": [*project["project"]["dependencies"], *groups["build"]],
        "test.txt": groups["test"],
        "lock.txt": groups["lock"],
        "fuzz.txt": groups["fuzz"],
    }
    for lock, requirements in asked.items():
        names = {re.split(r"[^A-Za-z0-9.-]", text)[0].lower() for text in requirements}
        assert names - {"tocsin-receiver"} <= {name for name, _ in pins(lock)}, lock
