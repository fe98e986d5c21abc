"""`python -m fuzz`, on a machine where atheris is missing."""

import sys

import pytest
from fuzz.__main__ import main
from fuzz.everything import TARGETS


@pytest.fixture(autouse=True)
def _without_atheris(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)


@pytest.mark.parametrize("name", ["duration", "all"])
def test_without_atheris_one_sentence_says_what_to_do(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """For one target and for all; nothing else needs it."""
    assert main([name, "--seconds", "1"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "fuzz: atheris is not installed: run make fuzz, or pip install atheris\n"


def test_a_target_that_does_not_exist_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """With those that do."""
    with pytest.raises(SystemExit) as ended:
        main(["durations"])
    assert ended.value.code == 2
    assert "'duration'" in capsys.readouterr().err


def test_help_lists_every_target(capsys: pytest.CaptureFixture[str]) -> None:
    """And needs no atheris."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out.replace("\n", " ").replace("- ", "-")
    assert all(f"{name}," in shown or shown.rstrip().endswith(name) for name in TARGETS)
