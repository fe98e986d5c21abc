"""`tocsin reopen`."""

import argparse

from tocsin.cli.command import Commands, add_parser
from tocsin.cli.incident_action import act_on_one, add_number
from tocsin.cli.shell import Shell


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "reopen",
        run,
        teaches="""
            Put an acknowledged incident back to triggered: the policies that ran when it stopped
            start anew, from their first step.
        """,
        example='tocsin reopen 31 --message "not mine after all"',
        then="tocsin incidents show 31    # which step fires when",
    )
    add_number(parser)


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0, also when it is triggered already; 1 when it is resolved or unknown."""
    given = {"message": args.message}
    return act_on_one("reopen", args.number, given, shell, as_json=args.json)
