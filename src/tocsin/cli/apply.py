"""`tocsin apply`."""

import argparse
from typing import Final

from tocsin.cli.check_config import (
    complain_of_mistakes,
    mistakes_of,
    read_file,
    read_whole,
)
from tocsin.cli.client import Client, Json, Refused
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.paint import Cell, Colour
from tocsin.cli.shell import DONE, REFUSED, Shell

_NAMES_FILES: Final = "_file"
_MISTAKES: Final = "configuration_mistakes"
_COLOURS: Final = {
    "+": Colour.GOOD,
    "-": Colour.BAD,
    "~": Colour.WAITING,
    "w": Colour.WAITING,  # "warning: ..."
}


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "apply",
        run,
        teaches="""
            Make the configuration what a YAML file says: teams, policies, webhooks, routing keys
            and alert keys. All of it at once or, with a mistake in it, nothing. Applied again, it
            changes nothing; what the file does not mention stays. New alert keys are shown once.
            Files that it names, such as a ca_bundle_file, are read here and sent with it.
        """,
        example="""
            tocsin apply oncall.yaml --dry-run   # what it would change, and when steps would fire
            tocsin apply oncall.yaml
        """,
        then="tocsin route db    # where an alert with this routing key goes now",
    )
    parser.add_argument("file", metavar="FILE", help="a YAML file; - reads standard input")
    parser.add_argument(
        "--dry-run", action="store_true", help="show the difference, change nothing"
    )
    parser.add_argument(
        "--prune",
        action="store_true",
        help="delete what the parts of the file do not mention; a part it lacks is left alone",
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when the file has a mistake, each with file, line and field."""
    name, content = read_file(args.file)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return complain_of_mistakes(mistakes_of(name, content), name, shell)
    given = {"text": text, "filename": name, "dry_run": args.dry_run, "prune": args.prune}
    if _NAMES_FILES in text:
        mistakes, given["files"] = read_whole(name, content)
        if mistakes:
            return complain_of_mistakes(mistakes, name, shell)
    try:
        report = Client.of(shell).post("/configuration/apply", given)
    except Refused as refusal:
        if refusal.reason_code != _MISTAKES or args.json:
            raise
        shell.point_out(refusal.message)
        return REFUSED
    if args.json:
        shell.json(report)
    else:
        _show(report, shell)
    return DONE


def _show(report: Json, shell: Shell) -> None:
    for line in report["text"].splitlines():
        shell.say(Cell(line, _COLOURS.get(line.strip()[:1]) if line else None))
    for name, key in report["keys"].items():
        shell.say(f"The alert key {name} was made. It is shown only now: {key}")
