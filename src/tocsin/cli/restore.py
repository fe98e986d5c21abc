"""`tocsin restore`."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.cli.command import Commands, add_parser, number_up_to
from tocsin.cli.long_work import Progress
from tocsin.cli.paint import Cell, Colour
from tocsin.cli.shell import DONE, Shell
from tocsin.cli.when import relative
from tocsin.domain.wording import counted
from tocsin.settings import Settings

if TYPE_CHECKING:
    from tocsin.wiring.restore import BroughtBack

_SKIPPED = 1_000
_MOST_SKIPPED = 1_000_000


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "restore",
        run,
        teaches="""
            Make a backup the database of a server that does not run. It is checked first, and so is
            that the master key here opens its secrets. What was sent and acknowledged after the backup
            was made is not known to it, so start it paused and look. Settings say where it goes:
            TOCSIN_HOME, or an empty PostgreSQL database in TOCSIN_DATABASE_URL.
        """,
        example="""
            tocsin restore /backups/tocsin.db
            TOCSIN_HOME=/tmp/rehearsal tocsin restore /backups/tocsin.db --without-master-key
        """,
        then="""
            tocsin serve --paused
            tocsin resume --dry-run    # what would go out
            tocsin resume
        """,
        asks_server=False,
        json_help="print what was restored as JSON, for programs",
    )
    parser.add_argument("file", metavar="FILE", help="what tocsin backup made")
    parser.add_argument(
        "--replace",
        action="store_true",
        help="also where there is a database, which is kept beside under another name",
    )
    parser.add_argument(
        "--without-master-key",
        action="store_true",
        help="do not ask whether the master key opens its secrets",
    )
    parser.add_argument(
        "--skip-numbers",
        type=number_up_to(_MOST_SKIPPED),
        default=_SKIPPED,
        metavar="N",
        help="incident numbers to leave out, as they may have been given since the backup"
        f" ({_SKIPPED})",
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0 when the store can be served; 1 when not, and then what was there is there still."""
    settings = Settings.from_environment(shell.env)
    from tocsin.wiring.restore import restore  # noqa: PLC0415 - see `tocsin backup`

    done = restore(
        settings,
        Path(args.file).absolute(),
        replace=args.replace,
        needs_key=not args.without_master_key,
        skip_numbers=args.skip_numbers,
        clock=shell.clock,
        told=Progress(shell),
    )
    left = done.content.outstanding
    if args.json:
        shell.json(
            {
                "database": done.target,
                "kept": str(done.kept) if done.kept else None,
                "newest_at": _written(done.content.newest_at),
                "next_incident": done.content.next_incident,
                "unresolved_incidents": left.unresolved_incidents,
                "overdue_steps": left.overdue_steps,
                "waiting_deliveries": left.waiting_deliveries,
                "master_key": done.key_source,
            }
        )
        return DONE
    _tell(done, shell)
    return DONE


def _tell(done: "BroughtBack", shell: Shell) -> None:
    content, left = done.content, done.content.outstanding
    shell.say(Cell(f"{done.target} is restored.", Colour.STRONG))
    if done.kept:
        shell.say(f"What was there before is kept: {done.kept}")
    if content.newest_at:
        shell.say(f"The newest thing in it was made {_when(content.newest_at, shell)}.")
    shell.say(f"The next incident will be {content.next_incident}.")
    incidents = counted(left.unresolved_incidents, "incident is", "incidents are")
    steps = counted(left.overdue_steps, "step is", "steps are")
    waiting = counted(left.waiting_deliveries, "delivery waits", "deliveries wait")
    shell.say(f"{incidents} unresolved, {steps} overdue and {waiting} to be sent.")
    shell.say(
        Cell(
            "What happened after the backup is not known to it: deliveries that were sent since are sent "
            "again under their ids, steps that fired since fire again under new ones, and whoever "
            "acknowledged since has to do it again.",
            Colour.WAITING,
        )
    )
    shell.say("So look before anything goes out:")
    for line in ("tocsin serve --paused", "tocsin resume --dry-run", "tocsin resume"):
        shell.say(line, indent=2)


def _when(at: datetime, shell: Shell) -> str:
    return f"at {at:%Y-%m-%d %H:%M:%S} UTC, {relative(at.isoformat(), shell.now)}"


def _written(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z" if at else None
