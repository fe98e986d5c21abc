"""The command line teaches: every command has an example, a next step and a place in the reference."""

import argparse
import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

from tocsin import __main__ as entry
from tocsin import __version__
from tocsin.cli.main import GROUPS, make_parser
from tocsin.cli.shell import EXIT_CODES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text()
NOBODY = Cli({})


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def commands() -> dict[str, argparse.ArgumentParser]:
    """Every command and subcommand, by what is typed."""
    found = {}
    for name, parser in subcommands(make_parser()).items():
        found[name] = parser
        for sub, subparser in subcommands(parser).items():
            found[f"{name} {sub}"] = subparser
    return found


COMMANDS = commands()
ONLY_GROUPS = {
    name
    for name, parser in COMMANDS.items()
    if subcommands(parser) and "list" not in subcommands(parser)
}
"""Commands that do nothing by themselves; what is below them is documented."""


def typed(text: str) -> Iterator[list[str]]:
    """The command lines of an example: variables in front, comments, `> FILE`, `< FILE` left out."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if "tocsin" in words:
            arguments = words[words.index("tocsin") + 1 :]
            yield list(takewhile(lambda word: word not in ("<", ">"), arguments))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches(name: str) -> None:
    """--help ends with 0, says in a sentence what it does, and has an example and exit codes."""
    done = NOBODY(*name.split(), "--help")

    assert (done.code, done.err) == (0, "")
    assert COMMANDS[name].description
    assert f"example:\n  {example_of(name).strip().splitlines()[0]}" in done.out
    assert "\nexit codes: 0 done, 1 refused" in done.out
    assert all(len(line) <= 100 for line in done.out.splitlines())


def example_of(name: str) -> str:
    return (COMMANDS[name].epilog or "").partition("example:\n")[2].partition("\n\n")[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_what_help_suggests_can_be_typed(name: str) -> None:
    """The example is of this very command; it and what comes next are command lines that parse."""
    epilog = (COMMANDS[name].epilog or "").partition("exit codes:")[0]
    lines = list(typed(epilog))

    assert any(line[: len(name.split())] == name.split() for line in lines)
    for line in lines:
        make_parser().parse_args(line)


def test_every_sentence_that_names_a_command_names_a_real_one() -> None:
    """A refusal that says `tocsin keys add NAME` must not lead into a usage error."""
    options = {name: set(parser._option_string_actions) for name, parser in COMMANDS.items()}
    wrong = []
    for file in sorted((ROOT / "src" / "tocsin").rglob("*.py")):
        for text in _texts(file):
            for words, argument in MENTIONED.findall(text):
                known = options.get(words)
                if known is None or (argument.startswith("--") and argument not in known):
                    wrong.append(f"{file.relative_to(ROOT)}: {words} {argument}")
    assert not wrong


MENTIONED = re.compile(r"\btocsin ([a-z-]+(?: [a-z][a-z-]*)?) ([A-Z]{2,}|--[a-z-]+)")


def _texts(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ONLY_GROUPS])
def test_every_command_is_documented(name: str) -> None:
    """The reference has a row for it, and names each of its own options."""
    documented = re.findall(r"^\| `tocsin ([^`]+)` \|", PAGE, flags=re.MULTILINE)
    rows = [row.replace("[list]", "list") for row in documented]
    if subcommands(COMMANDS[name]):
        name += " list"
    row = next((row for row in rows if f"{row} ".startswith(f"{name} ")), None)

    assert row is not None
    options = {
        option
        for action in COMMANDS[name]._actions
        for option in action.option_strings
        if option.startswith("--") and option not in ("--help", "--json")
    }
    left_out = {"--details"} if name == "incidents open" else set()
    assert {option for option in options if option not in row} == left_out


def test_no_other_command_is_documented() -> None:
    """What is not there is not in the reference."""
    rows = re.findall(r"^\| `tocsin ([a-z-]+)", PAGE, flags=re.MULTILINE)

    assert set(rows) == {name for names in GROUPS.values() for name in names}


def test_every_exit_code_is_documented() -> None:
    """Scripts may rely on them."""
    codes = re.findall(r"^\| (\d+) \|", PAGE, flags=re.MULTILINE)

    assert {str(code) for code in EXIT_CODES} <= set(codes)


def test_tocsin_alone_shows_every_command() -> None:
    """One line for each, grouped by what it is for, and where to begin."""
    done = NOBODY()

    assert done.code == 0
    for name in subcommands(make_parser()):
        (line,) = re.findall(rf"^  {name} +(\S.*)$", done.out, flags=re.MULTILINE)
        assert len(line) <= 76
    assert "tocsin serve               # run a server" in done.out
    assert NOBODY("--help") == done


def test_a_command_that_does_not_exist_is_a_usage_error() -> None:
    """Exit 2, with what there is."""
    done = NOBODY("acknowlege", "31")

    assert done.code == 2
    assert "acknowledge" in done.err


def test_abbreviated_options_are_refused() -> None:
    """A script that writes --dry for --dry-run would break when another option begins so."""
    assert NOBODY("resume", "--dry").code == 2


def test_version() -> None:
    """A bug report can be pasted; a program can read it."""
    python = ".".join(map(str, sys.version_info[:3]))

    assert NOBODY("version").out.startswith(f"tocsin {__version__} (Python {python}")
    assert NOBODY("version", "--json").json["version"] == __version__
    assert NOBODY("--version").out == f"tocsin {__version__}\n"


# What an old Python makes of it

OLD = """
import runpy, sys
sys.version_info = {version}
sys.argv = ["tocsin", "serve"]
try:
    runpy.run_module("tocsin", run_name="__main__")
finally:
    sys.stderr.write(",".join(name for name in sys.modules if name.startswith("tocsin.cli")))
"""


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 15), (3, 10, 99)])
def test_an_old_python_gets_one_sentence(version: tuple[int, int, int]) -> None:
    """It says what it needs and how to get it, before anything that it could not read."""
    done = subprocess.run(
        [sys.executable, "-c", OLD.format(version=version)],
        capture_output=True,
        text=True,
        check=False,
    )

    found = ".".join(map(str, version[:2]))
    sentence, _, imported = done.stderr.rstrip().partition("\n")
    assert (done.returncode, done.stdout, imported) == (2, "", "")
    assert sentence.startswith(f"tocsin: Tocsin needs Python 3.11 or newer, and this is {found} (")
    assert "apt install python3" in sentence


def test_an_old_python_can_read_the_file_that_says_so() -> None:
    """No annotation, f-string or other syntax that Python 2.7 does not know."""
    assert entry.__file__
    text = Path(entry.__file__).read_text()
    package = (Path(entry.__file__).parent / "__init__.py").read_text()

    for tree in (ast.parse(text), ast.parse(package)):
        for node in ast.walk(tree):
            assert not isinstance(
                node, ast.JoinedStr | ast.AnnAssign | ast.NamedExpr | ast.AsyncFunctionDef
            )
            assert not (isinstance(node, ast.FunctionDef) and node.returns)
            assert not (isinstance(node, ast.arg) and node.annotation)
            assert not (isinstance(node, ast.ImportFrom) and node.module == "__future__")
    assert text.isascii()
    assert package.isascii()
