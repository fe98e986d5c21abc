"""`tocsin hold`."""

import argparse

from tocsin.cli.command import Commands, add_parser
from tocsin.cli.incident_action import act_on_one, add_number
from tocsin.cli.shell import Shell


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "hold",
        run,
        teaches="""
            Acknowledge an incident until an instant. Then it is triggered again, and its policies
            start anew, unless it was resolved meanwhile.
        """,
        example="""
            tocsin hold 31 --for 1h
            tocsin hold 31 --until 2026-11-24T06:00:00Z --message "the shop opens then"
        """,
        then="tocsin upcoming    # when the hold ends",
    )
    add_number(parser)
    until = parser.add_mutually_exclusive_group(required=True)
    until.add_argument("--for", dest="length", metavar="LENGTH", help="such as 30m, 1h or 2d")
    until.add_argument("--until", metavar="INSTANT", help="with a time zone, such as ...T06:00:00Z")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when it is resolved or unknown, or the time is out of bounds."""
    given = {"message": args.message, "for": args.length, "until": args.until}
    return act_on_one("hold", args.number, given, shell, as_json=args.json)
