"""`tocsin resolve`."""

import argparse

from tocsin.cli.command import Commands, add_parser
from tocsin.cli.incident_action import act_on_many, add_numbers
from tocsin.cli.shell import Shell


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "resolve",
        run,
        teaches="""
            End incidents: their escalations stop for good. The next alert about the same entity
            opens a new incident.
        """,
        example='tocsin resolve 31 32 --message "disk replaced"',
        then="tocsin incidents list --status triggered    # what is left",
    )
    add_numbers(parser)


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0, also when they were resolved already; 1 when one is unknown."""
    return act_on_many("resolve", args.numbers, args.message, shell, as_json=args.json)
