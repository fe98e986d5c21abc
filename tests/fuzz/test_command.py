"""`python -m fuzz`, on a machine where atheris is missing."""

import os
import subprocess
import sys
from pathlib import Path

from fuzz.everything import TARGETS

ROOT = Path(__file__).parents[2]


def fuzz(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fuzz", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_atheris_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    """For one target and for all; nothing else needs it."""
    (tmp_path / "atheris.py").write_text("raise ModuleNotFoundError('atheris')")
    for name in ("duration", "all"):
        done = fuzz(name, PYTHONPATH=str(tmp_path))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            "fuzz: atheris is not installed: run make fuzz, or pip install atheris\n"
        )


def test_a_target_that_does_not_exist_is_a_usage_error() -> None:
    """With those that do."""
    done = fuzz("durations")
    assert done.returncode == 2
    assert "'duration'" in done.stderr


def test_help_lists_every_target() -> None:
    """And needs no atheris."""
    listed = fuzz("--help").stdout.replace("\n", " ").replace("- ", "-")
    assert all(name in listed for name in TARGETS)
