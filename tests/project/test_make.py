"""`make` on machines that lack something: one sentence that says what to do, really run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "make", "awk", "echo", "touch", "rm")
TOO_OLD = (
    "Tocsin needs Python 3.11 or newer; found {found}: install it (Debian, Ubuntu: apt install "
    "python3; macOS: brew install python), or run make PYTHON=/path/to/python3.12\n"
)


class Machine:
    """A folder with the project's build files, and a PATH on which only what we put is found."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        self.bin = folder / "bin"
        self.project.mkdir()
        self.bin.mkdir()
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None, tool
            (self.bin / tool).symlink_to(found)
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, self.project)
        shutil.copytree(ROOT / "requirements", self.project / "requirements")
        (self.project / "receiver").mkdir()
        shutil.copy(ROOT / "receiver" / "pyproject.toml", self.project / "receiver")

    def put(self, name: str, script: str) -> Path:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def put_this_python(self, name: str) -> Path:
        return self.put(name, f'exec "{sys.executable}" "$@"')

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.project,
            env={"PATH": str(self.bin), "HOME": str(self.project), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def first_line_of_refusal(self, *command: str, **environment: str) -> str:
        done = self.run(*command, **environment)
        assert done.returncode != 0
        assert not (self.project / ".venv").exists()
        return done.stderr.splitlines(keepends=True)[0]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_make_alone_says_what_it_can_do(machine: Machine) -> None:
    """`make` changes nothing and lists every target, with one line for each."""
    done = machine.run("make")

    assert done.returncode == 0
    listed = re.findall(r"^  make (\w+) +\S", done.stdout, flags=re.MULTILINE)
    assert listed == ["help", "demo", "chaos", "test", "lint", "bench", "fuzz", "pictures", "lock"]
    assert not (machine.project / ".venv").exists()


@pytest.mark.parametrize("target", ["demo", "test"])
@pytest.mark.parametrize("found", ["3.9", "3.10", "2.7"])
def test_an_old_python_is_refused_with_the_fix(machine: Machine, target: str, found: str) -> None:
    """With nothing newer, make names the version it found and both ways out."""
    machine.put("python3", f"printf {found}")

    assert machine.first_line_of_refusal("make", target) == TOO_OLD.format(found=found)


def test_no_python_is_refused_with_the_fix(machine: Machine) -> None:
    """Without any Python the same sentence says so."""
    assert machine.first_line_of_refusal("make", "demo") == TOO_OLD.format(found="none")


def test_a_python_that_was_asked_for_is_never_replaced(machine: Machine) -> None:
    """An old PYTHON= is refused, even though `python3` would do."""
    machine.put_this_python("python3")
    old = machine.put("old", "printf 3.8")

    line = machine.first_line_of_refusal("make", "demo", f"PYTHON={old}")

    assert line == TOO_OLD.format(found="3.8")


def test_a_python_that_cannot_be_run_is_named(machine: Machine) -> None:
    """A PYTHON= that is no interpreter is named in the refusal."""
    line = machine.first_line_of_refusal("make", "demo", "PYTHON=/nowhere/python3")

    assert line == (
        "PYTHON=/nowhere/python3 cannot be run: give the path of a Python 3.11 or newer, "
        "such as make PYTHON=/usr/bin/python3\n"
    )


def test_a_missing_venv_module_is_refused_with_the_fix(machine: Machine, tmp_path: Path) -> None:
    """Debian ships Python without ensurepip: make names the package to install."""
    machine.put_this_python("python3")
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "ensurepip.py").write_text("raise ModuleNotFoundError('ensurepip')")

    line = machine.first_line_of_refusal("make", "demo", PYTHONPATH=str(tmp_path / "without"))

    assert line.startswith(
        "python3 has no venv module: on Debian and Ubuntu: apt install python3-venv"
    )
    assert line.endswith("then run make again\n")


def test_the_first_python_that_suits_is_taken(machine: Machine) -> None:
    """`python3` is too old, python3.14 cannot be run: python3.13 makes .venv, and a lock that
    cannot be installed ends with what to try."""
    machine.put("python3", "printf 3.9")
    machine.put("python3.14", "exit 127")
    machine.put_this_python("python3.13")
    (machine.project / "requirements" / "run.txt").write_text(
        f"no-such-package==1 --hash=sha256:{64 * '0'}\n"
    )

    done = machine.run("make", "demo", PIP_NO_INDEX="1")

    assert done.returncode != 0
    assert "No matching distribution found for no-such-package==1" in done.stderr
    assert "set HTTPS_PROXY or PIP_INDEX_URL and run make again" in done.stderr
    version = machine.run(str(machine.project / ".venv" / "bin" / "python"), "--version")
    assert version.stdout.split()[1] == sys.version.split()[0]
    assert not list((machine.project / ".venv").glob(".installed-*"))


def test_what_is_installed_is_not_installed_again(machine: Machine) -> None:
    """A second make has nothing to do, until a lock or a project file changes."""
    venv = machine.project / ".venv"
    venv.mkdir()
    later = max(path.stat().st_mtime for path in machine.project.rglob("*")) + 1
    for name in (".installed-run", ".installed-test"):
        (venv / name).touch()
        os.utime(venv / name, (later, later))
    up_to_date = ("make", "--question", ".venv/.installed-test")

    assert machine.run(*up_to_date).returncode == 0

    for changed in ("requirements/test.txt", "requirements/run.txt", "receiver/pyproject.toml"):
        os.utime(machine.project / changed, (later + 1, later + 1))
        assert machine.run(*up_to_date).returncode == 1, changed
        os.utime(machine.project / changed, (later - 1, later - 1))
