"""`tocsin acknowledge`."""

import argparse

from tocsin.cli.command import Commands, add_parser
from tocsin.cli.incident_action import act_on_many, add_numbers
from tocsin.cli.shell import Shell


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "acknowledge",
        run,
        teaches="""
            Take incidents: every escalation of them stops, and whatever still waits to be sent is
            cancelled.
        """,
        example='tocsin acknowledge 31 --message "on it"',
        then="""
            tocsin resolve 31    # when it is over
            tocsin reopen 31     # to page again, from the first step
        """,
    )
    add_numbers(parser)


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0, also when they were acknowledged already; 1 when one is resolved or unknown."""
    return act_on_many("acknowledge", args.numbers, args.message, shell, as_json=args.json)
