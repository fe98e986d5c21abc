"""`tocsin demo`."""

import argparse

from tocsin.cli.command import Commands, add_parser
from tocsin.cli.shell import Shell


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "demo",
        run,
        teaches="""
            Watch an alert escalate, on a server of its own. A real server and two receivers are started
            on free ports, in a folder that is removed at the end. One of them fails at first, a
            forged request is refused, and an acknowledgement stops the escalation. It needs nothing
            and touches nothing of another server.
        """,
        example="""
            tocsin demo          # then the server stays up, with commands to try, until Ctrl-C
            tocsin demo --once   # ends with the story; for scripts
        """,
        then="tocsin serve   # a server of your own",
        asks_server=False,
        speaks_json=False,
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="end with the incident; exit 0 only when all of it was seen to work",
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0 when all of it was seen; 1 when something was not, with what it was on stderr."""
    # Its parts take most of a second to import, and no other command needs them.
    from tocsin.demo.performance import perform  # noqa: PLC0415

    return perform(shell, once=args.once)
