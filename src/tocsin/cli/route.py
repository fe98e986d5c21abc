"""`tocsin route`."""

import argparse

from tocsin.cli.client import Client, segment
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.shell import DONE, Shell


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "route",
        run,
        teaches="""
            Show where an alert with a routing key would go: which policies, which steps, and when.
            Nothing is sent.
        """,
        example="tocsin route db",
        then="tocsin alert test/db --routing-key db --type critical   # and see it happen",
    )
    parser.add_argument("key", metavar="KEY", help="the end of the URL that alerts are sent to")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0, also when it leads nowhere: that is an answer, with a warning."""
    route = Client.of(shell).get(f"/routes/{segment(args.key)}")
    if args.json:
        shell.json(route)
    else:
        shell.lines(route["text"])
    return DONE
