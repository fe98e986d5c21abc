"""`tocsin check-config`."""

import argparse
import sys
from pathlib import Path
from typing import ClassVar, Final

from tocsin.cli.command import Commands, add_parser
from tocsin.cli.other_files import OtherFiles
from tocsin.cli.shell import DONE, REFUSED, Shell
from tocsin.domain.configuration_file.mistakes import Mistake
from tocsin.errors import TocsinError

STDIN: Final = "-"
STDIN_NAME: Final = "stdin"


class FileNotRead(TocsinError):
    """The file that was named cannot be read."""

    code: ClassVar[str] = "file_not_read"


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "check-config",
        run,
        teaches="""
            Check a configuration file without a server. Every mistake is shown with its line and
            field. Names that only the server knows (a webhook that another file described) are
            checked by: tocsin apply --dry-run.
        """,
        example="tocsin check-config oncall.yaml    # also in a commit hook: it needs no token",
        then="tocsin apply oncall.yaml --dry-run   # what it would change",
        asks_server=False,
        json_help="print the mistakes as JSON, for programs",
    )
    parser.add_argument("file", metavar="FILE", help="a YAML file; - reads standard input")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0 when the file has no mistake; 1 with every mistake on stderr."""
    name, content = read_file(args.file)
    found = mistakes_of(name, content)
    if args.json:
        shell.json({"file": name, "mistakes": [mistake.facts for mistake in found]})
    if found:
        return complain_of_mistakes(found, name, shell)
    if not args.json:
        shell.say(f"{name}: no mistakes")
    return DONE


def mistakes_of(name: str, content: bytes) -> list[Mistake]:
    """Return what is wrong with a file by itself, in order of lines."""
    return read_whole(name, content)[0]


def read_whole(name: str, content: bytes) -> tuple[list[Mistake], dict[str, str]]:
    """Return what is wrong with a file, and the texts of the files that it names, by path."""
    # Only now: no other command needs to read YAML.
    from tocsin.actions.apply import read_configuration_file  # noqa: PLC0415

    others = OtherFiles(Path() if name == STDIN_NAME else Path(name).parent)
    file = read_configuration_file(content, name=name, read_file=others.read)
    return sorted(set(file.mistakes)), others.texts


def complain_of_mistakes(found: list[Mistake], name: str, shell: Shell) -> int:
    """Print each mistake in a line that an editor can jump to."""
    shell.point_out("\n".join(mistake.text(name) for mistake in found))
    return REFUSED


def read_file(path: str) -> tuple[str, bytes]:
    """Return what mistakes call the file, and what it holds. Raises: FileNotRead."""
    if path == STDIN:
        return STDIN_NAME, sys.stdin.buffer.read()
    try:
        return path, Path(path).read_bytes()
    except OSError as error:
        raise FileNotRead(f"{path} cannot be read: {error.strerror}", file=path) from None
