"""`tocsin version`."""

import argparse
import platform

import tocsin
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.shell import DONE, Shell


def add_command(commands: Commands) -> None:
    add_parser(
        commands,
        "version",
        run,
        teaches="Show which Tocsin and which Python this is. A bug report wants both.",
        example="tocsin version",
        then="tocsin serve       # start the server",
        asks_server=False,
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0."""
    facts = {
        "version": tocsin.__version__,
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
    }
    if args.json:
        shell.json(facts)
    else:
        shell.say(f"tocsin {facts['version']} (Python {facts['python']}, {facts['system']})")
    return DONE
