"""How a command is declared, so that every one of them teaches and answers `--json` alike."""

import argparse
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tocsin.cli.shell import EXIT_CODES, NO_SERVER, Shell

if TYPE_CHECKING:  # argparse names this class, but it cannot be subscripted at run time
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001
else:
    Commands = argparse.Action

Run = Callable[[argparse.Namespace, Shell], int]
DEFAULT_LIMIT: Final = 50


def add_parser(
    commands: Commands,
    name: str,
    run: Run,
    *,
    teaches: str,
    example: str,
    then: str = "",
    asks_server: bool = True,
    speaks_json: bool = True,
    json_help: str = "print what the API answers, for programs",
) -> argparse.ArgumentParser:
    """Declare a command. `teaches` says what it does; its beginning stands in lists.

    `example` and `then` (what to do next) are lines of commands, each with what it does after `#`.
    """
    lesson = textwrap.dedent(teaches).strip()
    parser = commands.add_parser(
        name,
        help=lesson_in_short(lesson),
        description=lesson,
        epilog=_epilog(example, then, asks_server=asks_server),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    if speaks_json:
        # Without a default: that of a subcommand would undo what was said before it.
        parser.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help=json_help
        )
    return parser


def add_group(
    commands: Commands,
    name: str,
    run: Run,
    *,
    teaches: str,
    example: str,
    then: str,
    options: Callable[[argparse.ArgumentParser], None] | None = None,
) -> Commands:
    """Declare a command that has subcommands; alone, with `options`, it does what `run` does."""
    parser = add_parser(commands, name, run, teaches=teaches, example=example, then=then)
    if options:
        options(parser)
    return parser.add_subparsers(
        title="subcommands",
        metavar="COMMAND",
        description=f"each has a --help of its own; tocsin {name} alone lists them",
    )


def lesson_in_short(text: str) -> str:
    """Return the beginning of a lesson that stands for it in a list: up to a full stop or colon."""
    return " ".join(text.split()).partition(". ")[0].partition(": ")[0].removesuffix(".")


def _epilog(example: str, then: str, *, asks_server: bool) -> str:
    parts = [f"example:\n{_indented(example)}"]
    if then:
        parts.append(f"next:\n{_indented(then)}")
    codes = ", ".join(
        f"{code} {meaning}"
        for code, meaning in EXIT_CODES.items()
        if asks_server or code != NO_SERVER
    )
    parts.append(textwrap.fill(f"exit codes: {codes}", width=78, subsequent_indent="  "))
    return "\n\n".join(parts)


def _indented(lines: str) -> str:
    return textwrap.indent(textwrap.dedent(lines).strip(), "  ")


def add_limit(
    parser: argparse.ArgumentParser, which: str = "the newest", *, most: int = 100_000
) -> None:
    """Let the user say how many of a list are shown."""
    parser.add_argument(
        "--limit",
        type=number_up_to(most),
        default=DEFAULT_LIMIT,
        metavar="N",
        help=f"show at most N, {which} ({DEFAULT_LIMIT})",
    )


def number_up_to(most: int) -> Callable[[str], int]:
    """Return what reads a number from 1 on."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:18]) <= most):
            raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number from 1 to {most}")
        return int(text)

    return read


def incident_number(text: str) -> int:
    """Return the number of an incident, written `31` or `#31`."""
    digits = text.removeprefix("#")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is no incident's number; tocsin incidents lists them"
        )
    return int(digits)
