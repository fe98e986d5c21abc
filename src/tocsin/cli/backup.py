"""`tocsin backup`."""

import argparse
from pathlib import Path

from tocsin.cli.command import Commands, add_parser
from tocsin.cli.long_work import Progress, show_tables, size_text, tables_for_programs
from tocsin.cli.shell import DONE, Shell
from tocsin.domain.wording import counted
from tocsin.settings import Settings


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "backup",
        run,
        teaches="""
            Back the database up into one file, while the server runs. The file holds one instant, is
            read back and checked, and has mode 0600. The master key is not in it, and without that
            nobody can read its auth codes: keep a copy of the key elsewhere. Run it on the server's
            machine, with its settings, as its user.
        """,
        example="""
            tocsin backup /backups/tocsin.db
            tocsin backup /backups/tocsin-2026-11-26.db --json   # from a timer
        """,
        then="tocsin restore /backups/tocsin.db   # on another machine, to see that it works",
        asks_server=False,
        json_help="print what was made as JSON, for programs",
    )
    parser.add_argument("file", metavar="FILE", help="where to; a file that exists is refused")
    parser.add_argument(
        "--replace", action="store_true", help="replace FILE, once the new backup is complete"
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0 when the backup was made and checked; 1 when not, and then nothing is left of it."""
    settings = Settings.from_environment(shell.env)
    # Its parts take most of a second to import, and few commands need them.
    from tocsin.wiring.backup import back_up  # noqa: PLC0415

    made = back_up(
        settings,
        Path(args.file).absolute(),
        replace=args.replace,
        clock=shell.clock,
        told=Progress(shell),
    )
    left = made.outstanding
    if args.json:
        shell.json(
            {
                "file": str(made.file),
                "bytes": made.bytes,
                "database": made.source,
                "revision": made.revision,
                "unresolved_incidents": left.unresolved_incidents,
                "waiting_deliveries": left.waiting_deliveries,
                "master_key": made.key_source,
                "tables": tables_for_programs(made.tables),
            }
        )
        return DONE
    show_tables(made.tables, shell)
    incidents = counted(left.unresolved_incidents, "unresolved incident")
    waiting = counted(left.waiting_deliveries, "waiting delivery", "waiting deliveries")
    shell.say(f"{made.file}: {size_text(made.bytes)} of {made.source}, checked.")
    shell.say(f"In it: {incidents}, {waiting}; schema {made.revision}.")
    shell.say(
        f"Not in it: the master key ({made.key_source}). Without that its URLs and auth codes open for "
        "nobody: keep a copy of it, apart from the backups."
    )
    if made.pg_dump:
        shell.say("PostgreSQL's own way, which is quicker when there is much:")
        shell.say(made.pg_dump, indent=2)
    return DONE
