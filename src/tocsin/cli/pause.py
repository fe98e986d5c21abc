"""`tocsin pause`."""

import argparse

from tocsin.cli.client import Client
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.shell import DONE, Shell


def add_command(commands: Commands) -> None:
    add_parser(
        commands,
        "pause",
        run,
        teaches="""
            Fire and send nothing from now on, over restarts too. Alerts are still taken in, and
            attempts that are under way end.
        """,
        example="tocsin pause",
        then="""
            tocsin resume --dry-run    # what would go out
            tocsin resume
        """,
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0, also when it was paused already; 1 when the token may not."""
    answer = Client.of(shell).post("/pause")
    if args.json:
        shell.json(answer)
    else:
        already = "" if answer["changed"] else " already"
        shell.say(f"Paused{already}: nothing fires and nothing is sent until: tocsin resume")
    return DONE
