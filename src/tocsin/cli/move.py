"""`tocsin move`."""

import argparse

from tocsin.cli.command import Commands, add_parser
from tocsin.cli.incident_action import act_on_one, add_number
from tocsin.cli.shell import Shell


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "move",
        run,
        teaches="""
            Move an incident to the current versions of its policies. Where one has changed since
            the incident started it, the earlier version stops, and the current one starts at its
            first step.
        """,
        example='tocsin move 31 --message "carol is on call instead"',
        then="tocsin incidents show 31    # which step fires when",
    )
    add_number(parser)
    parser.add_argument(
        "--policy",
        action="append",
        metavar="TEAM/POLICY",
        help="move this policy only; may be given several times",
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0, also when nothing has changed; 1 when it is resolved, or a version would reach nobody."""
    given = {"message": args.message, "policies": args.policy}
    return act_on_one("move", args.number, given, shell, as_json=args.json)
