"""Secrets that a command is given, without the process list or the shell's history having them."""

import getpass
from typing import ClassVar, Final

from tocsin.cli.shell import Shell
from tocsin.errors import TocsinError

STDIN: Final = "-"


class NothingGiven(TocsinError):
    """Standard input had nothing on it."""

    code: ClassVar[str] = "nothing_given"


def read_secret(given: str, what: str, shell: Shell) -> str:
    """Return what an option was given, or for `-` the first line of standard input.

    One that stands on the command line is taken, with a warning. Raises: NothingGiven.
    """
    if given == STDIN:
        return read_line(what, shell)
    shell.complain(
        f"{what} on the command line is seen by whoever lists processes, and stays in the shell's "
        "history: give - instead, and it is asked for, or read from standard input"
    )
    return given


def read_line(what: str, shell: Shell) -> str:
    """Return the first line of standard input; on a terminal it is asked for, and not shown.

    Raises: NothingGiven.
    """
    try:
        if shell.given.isatty():
            line = getpass.getpass(f"{what}: ")
        else:
            line = shell.given.readline().rstrip("\r\n")
    except EOFError:  # Ctrl-D
        line = ""
    if not line:
        raise NothingGiven(
            f"{what} was to come from standard input, and nothing came: write a line"
        )
    return line
