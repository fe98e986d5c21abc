"""`tocsin retention`."""

import argparse
from typing import Final

from tocsin.cli.client import Client, Json
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.shell import DONE, Shell
from tocsin.domain.wording import counted

_WHAT: Final = {
    "incidents": "incident",
    "tests": "test",
    "alerts": "alert that opened nothing",
    "refused_alerts": "refused alert",
}
_MANY: Final = {"alerts": "alerts that opened nothing"}


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "retention",
        run,
        teaches="""
            Show how long what is over is kept, and how much is due to be removed. It only looks:
            the server removes by itself, and never what is not resolved.
        """,
        example="""
            tocsin retention
            tocsin retention --keep 90d    # what a shorter setting would remove
        """,
        then="TOCSIN_RETENTION=90d tocsin serve",
    )
    parser.add_argument(
        "--keep", metavar="TIME", help="count as if this were kept: 90d, 3650d, forever"
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when --keep is no such time."""
    answer = Client.of(shell).get("/retention", **({"keep": args.keep} if args.keep else {}))
    if args.json:
        shell.json(answer)
        return DONE
    shell.say(f"Kept: {answer['keep']} (TOCSIN_RETENTION).")
    if answer["removed_before"]:
        shell.say(f"What was over before {_day(answer['removed_before'])} may have been removed.")
    if answer["oldest_incident_at"]:
        shell.say(f"The oldest incident is of {_day(answer['oldest_incident_at'])}.")
    shell.say(_verdict(answer))
    return DONE


def _verdict(answer: Json) -> str:
    if answer["before"] is None:
        return "Nothing is ever removed."
    what = ", ".join(
        counted(answer["removable"][name], one, _MANY.get(name, "")) for name, one in _WHAT.items()
    )
    is_asked = answer["counted_for"] != answer["keep"]
    due = f"{answer['counted_for']} would remove" if is_asked else "Due to be removed"
    return f"{due}, as over before {_day(answer['before'])}: {what}."


def _day(instant: str) -> str:
    return instant[:10]
