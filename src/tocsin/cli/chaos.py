"""`tocsin chaos`."""

import argparse
import secrets
from typing import Final

from tocsin.cli.command import Commands, add_parser, number_up_to
from tocsin.cli.secret_argument import STDIN, read_line
from tocsin.cli.shell import USAGE_ERROR, Shell
from tocsin.secret import Secret

_SCHEMES: Final = ("postgres://", "postgresql://")
_SEEDS: Final = 1_000_000
_DEFAULT_KILLS: Final = 20
_MOST_KILLS: Final = 100_000
_MOST_NODES: Final = 32


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "chaos",
        run,
        teaches="""
            Kill servers under load, and prove that nothing accepted was lost. Real servers and receivers
            are started on free ports, alerts are sent and acknowledged, and processes are killed with
            kill -9 at random. A ledger is kept outside of them; at the end everything recovers, is read
            back and held against it. It touches no other server, and no database that holds anything.
        """,
        example="""
            tocsin chaos --kills 200                  # one server on an SQLite file of its own
            tocsin chaos --nodes 3 --database-url postgresql://localhost/tocsin_chaos   # an empty one
            tocsin chaos --json > findings            # the last line is for programs
        """,
        then="tocsin serve   # a server of your own",
        asks_server=False,
        json_help="print the findings as JSON, too, on the last line",
    )
    parser.add_argument(
        "--nodes",
        type=number_up_to(_MOST_NODES),
        metavar="N",
        help="servers (1; with --database-url 2)",
    )
    parser.add_argument(
        "--kills",
        type=number_up_to(_MOST_KILLS),
        default=_DEFAULT_KILLS,
        metavar="K",
        help=f"how often something is killed ({_DEFAULT_KILLS}); one takes about two seconds",
    )
    parser.add_argument(
        "--seed", type=int, metavar="S", help="kills and failures as in an earlier run (a new one)"
    )
    parser.add_argument(
        "--database-url",
        metavar="URL",
        help="an empty PostgreSQL database, which is left as it is at the end; - asks for it",
    )
    parser.add_argument(
        "--postgresql-stop",
        metavar="COMMAND",
        help="stops PostgreSQL at once, as: pg_ctl -D FOLDER -m immediate stop; it is killed, too, then",
    )
    parser.add_argument(
        "--postgresql-start",
        metavar="COMMAND",
        help="starts it again, and ends when it answers, as: pg_ctl -D FOLDER -w start",
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0 when nothing was lost and nothing fired twice, 1 when something was; 130 after Ctrl-C."""
    given = args.database_url
    if given == STDIN:
        given = read_line("the database's URL", shell)
    if mistake := _mistake(args, given):
        shell.complain(mistake)
        return USAGE_ERROR
    # Its parts take most of a second to import, and no other command needs them.
    from tocsin.chaos.performance import Options, perform  # noqa: PLC0415

    options = Options(
        nodes=args.nodes or (2 if given else 1),
        kills=args.kills,
        seed=secrets.randbelow(_SEEDS) if args.seed is None else args.seed,
        database_url=Secret(given) if given else None,
        postgresql_stop=args.postgresql_stop,
        postgresql_start=args.postgresql_start,
    )
    return perform(options, shell, as_json=args.json)


def _mistake(args: argparse.Namespace, url: str | None) -> str | None:
    """Return what is wrong with the command line, if anything; the URL is not repeated."""
    if url is not None and not url.startswith(_SCHEMES):
        return "--database-url: write postgresql://USER:PASSWORD@HOST/NAME, of an empty database"
    if url is None and args.nodes is not None and args.nodes > 1:
        return (
            f"--nodes {args.nodes}: an SQLite file has one server; several share a PostgreSQL database: "
            "add --database-url"
        )
    if (args.postgresql_stop is None) != (args.postgresql_start is None):
        return "--postgresql-stop and --postgresql-start: give both, or PostgreSQL stays away"
    if url is None and args.postgresql_stop is not None:
        return "--postgresql-stop: add --database-url, which says what it stops"
    return None
