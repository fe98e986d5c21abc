"""`tocsin note`."""

import argparse

from tocsin.cli.client import Client
from tocsin.cli.command import Commands, add_parser, incident_number
from tocsin.cli.incidents import PATH
from tocsin.cli.shell import DONE, Shell


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "note",
        run,
        teaches="""
            Put on an incident's timeline what you know, or did. The incident stays as it is: who is
            called goes on being called.
        """,
        example='tocsin note 31 "failed over to db-2, the disk of db-1 is dying"',
        then="tocsin incidents show 31    # with what was noted",
    )
    parser.add_argument("number", metavar="NUMBER", type=incident_number, help="31 or #31")
    parser.add_argument("text", metavar="TEXT", help="10,000 characters at the most")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is no such incident, or the note is empty or too long."""
    incident = Client.of(shell).post(f"{PATH}/{args.number}/notes", {"text": args.text})
    if args.json:
        shell.json(incident)
    else:
        shell.say(f"Noted on #{incident['number']} {incident['title']}.")
    return DONE
