"""`tocsin reroute`."""

import argparse

from tocsin.cli.command import Commands, add_parser
from tocsin.cli.incident_action import act_on_one, add_number
from tocsin.cli.incidents import add_destination
from tocsin.cli.shell import Shell


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "reroute",
        run,
        teaches="""
            Give an incident to other policies: those that run stop, the others start at their first
            step, and the incident is triggered again.
        """,
        example='tocsin reroute 31 --policy db/primary --message "it is the database"',
        then="tocsin incidents show 31    # which step fires when",
    )
    add_number(parser)
    add_destination(parser)


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when it is resolved or unknown, or there is no such policy."""
    given = {"message": args.message, "policies": args.policy, "routing_key": args.routing_key}
    return act_on_one("reroute", args.number, given, shell, as_json=args.json)
