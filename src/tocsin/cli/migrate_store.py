"""`tocsin migrate-store`."""

import argparse
import shlex
from typing import TYPE_CHECKING, Final

from tocsin.cli.command import Commands, add_parser
from tocsin.cli.long_work import Progress, show_tables, tables_for_programs
from tocsin.cli.paint import Cell, Colour
from tocsin.cli.secret_argument import STDIN, read_line
from tocsin.cli.shell import DONE, USAGE_ERROR, Shell
from tocsin.domain.wording import counted
from tocsin.settings import Settings

if TYPE_CHECKING:
    from tocsin.wiring.moving import Moved

_SCHEMES: Final = ("postgres://", "postgresql://")


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "migrate-store",
        run,
        teaches="""
            Move everything from the SQLite file to PostgreSQL, while no server runs. The new database
            has to be empty. It is filled in one transaction and read back; afterwards the file is marked,
            so that no server starts on it and pages twice. --undo takes the mark away.
        """,
        example="""
            tocsin migrate-store --to postgresql://tocsin@db.example/tocsin
            tocsin migrate-store --to -       # asks, so that the password is in no history
            tocsin migrate-store --undo       # go back to the file, as it was before the move
        """,
        then="TOCSIN_DATABASE_URL=postgresql://tocsin@db.example/tocsin tocsin serve",
        asks_server=False,
        json_help="print what was moved as JSON, for programs",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--to", metavar="URL", help="an empty PostgreSQL database; - asks for it")
    what.add_argument(
        "--undo", action="store_true", help="let the file be served again, without what came since"
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0 when all of it is there; 1 when not, and then neither database was changed."""
    settings = Settings.from_environment(shell.env)
    if args.undo:
        return _undo(args, settings, shell)
    url = read_line("the new database's URL", shell) if args.to == STDIN else args.to
    if not url.startswith(_SCHEMES):
        shell.complain("--to: write postgresql://USER:PASSWORD@HOST/NAME, of an empty database")
        return USAGE_ERROR
    target = Settings.from_environment({**shell.env, "TOCSIN_DATABASE_URL": url})
    from tocsin.wiring.moving import migrate_store  # noqa: PLC0415 - see `tocsin backup`

    moved = migrate_store(settings, target, clock=shell.clock, told=Progress(shell))
    if args.json:
        shell.json(
            {
                "from": str(moved.source),
                "to": moved.target,
                "rows": sum(table.rows for table in moved.tables),
                "repaired": sum(table.repaired for table in moved.tables),
                "tables": tables_for_programs(moved.tables),
                "next": _next(moved),
            }
        )
        return DONE
    _tell(moved, shell)
    return DONE


def _tell(moved: "Moved", shell: Shell) -> None:
    show_tables(moved.tables, shell)
    rows = counted(sum(table.rows for table in moved.tables), "row is", "rows are")
    shell.say(Cell(f"{rows} in {moved.target}, read back and the same.", Colour.STRONG))
    repaired = sum(table.repaired for table in moved.tables)
    if repaired:
        shell.say(f"In {counted(repaired, 'row')} a U+0000 became U+FFFD: PostgreSQL has none.")
    shell.say(f"{moved.source} is kept as it was, and no server starts on it any more.")
    shell.say("Now, with the password in its place:")
    shell.say(_next(moved), indent=2)
    shell.say("To go back, without what came since: tocsin migrate-store --undo")


def _next(moved: "Moved") -> str:
    key = f"TOCSIN_MASTER_KEY_FILE={shlex.quote(str(moved.key_file))} " if moved.key_file else ""
    return f"{key}TOCSIN_DATABASE_URL={shlex.quote(moved.target)} tocsin serve"


def _undo(args: argparse.Namespace, settings: Settings, shell: Shell) -> int:
    from tocsin.wiring.moving import undo_move  # noqa: PLC0415 - see `tocsin backup`

    to = undo_move(settings)
    if args.json:
        shell.json({"moved_to": to})
        return DONE
    shell.say("A server may start on this file again: tocsin serve --paused")
    shell.say(
        Cell(
            f"It knows nothing of what happened since on {to}: let no server run there any more.",
            Colour.WAITING,
        )
    )
    return DONE
