"""`tocsin export`."""

import argparse
import os
from pathlib import Path
from typing import ClassVar, Final

from tocsin.cli.client import Client
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.shell import DONE, Shell
from tocsin.errors import TocsinError

PATH: Final = "/configuration/export"
_OWNER_ONLY: Final = 0o600


class FileNotWritten(TocsinError):
    """The file with the secrets cannot be made."""

    code: ClassVar[str] = "file_not_written"


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "export",
        run,
        teaches="""
            Write the configuration as a YAML file. Applied again, it changes nothing. Auth codes
            and client keys are in it only with --secrets, and then only in a new file that nobody
            else can read.
        """,
        example="""
            tocsin export > oncall.yaml
            tocsin export --secrets backup.yaml    # to move to another server
        """,
        then="tocsin apply oncall.yaml --dry-run   # after editing it",
        speaks_json=False,
    )
    parser.add_argument(
        "--secrets", metavar="FILE", help="write FILE, mode 0600, with the secrets in it"
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when the token may not, or FILE exists."""
    client = Client.of(shell)
    if args.secrets is None:
        shell.out.write(client.text(PATH))
        return DONE
    file = Path(args.secrets)
    _write(file, client.text(PATH, secrets="true"))
    shell.say(f"{file} is written, with secrets in it: only you can read it, keep it so.")
    return DONE


def _write(file: Path, text: str) -> None:
    """Raises: FileNotWritten, rather than replacing a file, whoever may have it open."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        raise FileNotWritten(
            f"{file} exists: secrets go into a new file only; name another", file=str(file)
        ) from None
    except OSError as error:
        raise FileNotWritten(f"{file} cannot be made: {error.strerror}", file=str(file)) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
