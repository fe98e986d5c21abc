"""The command line: which commands there are, and how each of them ends."""

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import tocsin
from tocsin.cli.address import NoServer
from tocsin.cli.client import Refused
from tocsin.cli.command import lesson_in_short
from tocsin.cli.shell import DONE, INTERRUPTED, NO_SERVER, REFUSED, USAGE_ERROR, Shell
from tocsin.clock import SystemClock
from tocsin.errors import TocsinError
from tocsin.settings import InvalidSettings

GROUPS: Final = {
    "run it": ("serve", "demo", "chaos", "version"),
    "keep it": ("backup", "restore", "migrate-store"),
    "say who is paged, and when": (
        "apply",
        "export",
        "check-config",
        "webhooks",
        "policies",
        "keys",
        "heartbeats",
        "tokens",
        "users",
        "master-key",
        "route",
    ),
    "see what happens": (
        "incidents",
        "alerts",
        "deliveries",
        "upcoming",
        "why",
        "nodes",
        "signature",
        "retention",
    ),
    "do something about it": (
        "alert",
        "acknowledge",
        "hold",
        "reopen",
        "resolve",
        "reroute",
        "move",
        "note",
        "pause",
        "resume",
    ),
}
"""The commands, as the help lists them. Each is a module of this package with `add_command`."""

_INTRODUCTION: Final = """
Tocsin: an on-call escalation engine whose webhooks can be trusted.
"""
_EPILOG: Final = """
begin:
  tocsin demo                # watch an alert escalate, on a server of its own
  tocsin serve               # run a server; the first start says what to do next

Every command has --help, with an example. The commands find the server of this machine by
themselves; TOCSIN_URL and TOCSIN_TOKEN name another one.
"""


class _Overview(argparse.ArgumentParser):
    """The parser of `tocsin` alone, whose help lists the commands by what they are for."""

    def __init__(self) -> None:
        super().__init__(prog="tocsin", allow_abbrev=False)
        self.add_argument("--version", action="version", version=f"tocsin {tocsin.__version__}")
        self.set_defaults(run=self._overview, json=False)
        self.lessons: dict[str, str] = {}

    def format_help(self) -> str:
        parts = [f"usage: {self.prog} COMMAND ...", _INTRODUCTION.strip()]
        for title, names in GROUPS.items():
            lines = [f"  {name:<15}{self.lessons[name]}" for name in names]
            parts.append("\n".join([f"{title}:", *lines]))
        return "\n\n".join([*parts, _EPILOG.strip()]) + "\n"

    def _overview(self, _args: argparse.Namespace, shell: Shell) -> int:
        shell.out.write(self.format_help())
        return DONE


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    overview = _Overview()
    commands = overview.add_subparsers(metavar="COMMAND", parser_class=argparse.ArgumentParser)
    for name in (each for names in GROUPS.values() for each in names):
        importlib.import_module(f"tocsin.cli.{name.replace('-', '_')}").add_command(commands)
    for name, parser in commands.choices.items():
        overview.lessons[name] = lesson_in_short(parser.description or "")
    return overview


def run(argv: Sequence[str], shell: Shell) -> int:
    """Carry out a command line, and return its exit code; see `EXIT_CODES`."""
    args = make_parser().parse_args(argv)
    try:
        code: int = args.run(args, shell)
    except Refused as refusal:
        if args.json:
            shell.json(refusal.answer)
        return _complain(shell, refusal, REFUSED)
    except NoServer as refusal:
        return _complain(shell, refusal, NO_SERVER)
    except InvalidSettings as refusal:
        return _complain(shell, refusal, USAGE_ERROR)
    except TocsinError as refusal:
        return _complain(shell, refusal, REFUSED)
    return code


def _complain(shell: Shell, refusal: TocsinError, code: int) -> int:
    shell.complain(refusal.message)
    return code


def run_from_shell() -> int:
    """Carry out this process's command line."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal of an old encoding shows what it cannot write as an escape, and never fails.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    clock = SystemClock()
    shell = Shell(env=os.environ, out=sys.stdout, err=sys.stderr, now=clock.now(), clock=clock)
    try:
        code = run(sys.argv[1:], shell)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough: `| head`. What is left would be tried once more at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:  # noqa: BLE001 - a person gets a sentence, not a traceback
        # Its text may hold what was typed; the places in the code do not.
        places = " < ".join(
            f"{Path(frame.filename).name}:{frame.lineno}"
            for frame in reversed(traceback.extract_tb(error.__traceback__)[-3:])
        )
        shell.err.write(f"tocsin: this is a bug: {type(error).__name__} at {places}; report it\n")
        return REFUSED
    return code
