"""`tocsin serve`."""

import argparse

from tocsin.cli.command import Commands, add_parser
from tocsin.cli.shell import Shell
from tocsin.settings import Settings


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "serve",
        run,
        teaches="""
            Run the server, until Ctrl-C or SIGTERM. The first start makes the database, the master
            key and the admin token in one folder (TOCSIN_HOME), and shows the URL for your alerts.
            Settings come from the environment; docs/reference/settings.md lists them.
        """,
        example="""
            tocsin serve
            TOCSIN_LISTEN=0.0.0.0:7878 tocsin serve   # for every address of this machine
            tocsin serve --paused                     # take alerts in, but send nothing yet
        """,
        then="tocsin apply oncall.yaml   # in another terminal: who is paged, and when",
        asks_server=False,
    )
    parser.add_argument(
        "--paused",
        action="store_true",
        help="fire and send nothing until: tocsin resume (tocsin resume --dry-run lists what waits)",
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0 after a graceful stop; 1 when it cannot start, with the reason on stderr."""
    settings = Settings.from_environment(shell.env)
    # Only now: the server's parts take most of a second to import, and no other command needs them.
    from tocsin.wiring import serve  # noqa: PLC0415

    return serve(settings, paused=args.paused)
