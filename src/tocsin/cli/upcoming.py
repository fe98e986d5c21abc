"""`tocsin upcoming`."""

import argparse
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tocsin.cli.client import MOST_PER_PAGE, Client, Json
from tocsin.cli.command import Commands, add_limit, add_parser
from tocsin.cli.paint import Cell, Colour
from tocsin.cli.shell import DONE, Shell
from tocsin.cli.table import entity_cell
from tocsin.cli.when import relative
from tocsin.domain.wording import counted

_WHAT: Final = {"step": "step fires", "hold_end": "hold ends", "attempt": "attempt"}


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "upcoming",
        run,
        teaches="""
            Show what happens next by itself, the earliest first: steps that fire, holds that end,
            deliveries that are tried again.
        """,
        example="tocsin upcoming --limit 10",
        then="tocsin acknowledge 31    # and its steps do not fire",
    )
    add_limit(parser, "the earliest", most=MOST_PER_PAGE)


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0."""
    answer = Client.of(shell).get("/upcoming", limit=args.limit)
    if args.json:
        shell.json(answer)
        return DONE
    if answer["paused"]:
        shell.say(Cell("Paused: nothing of this happens until: tocsin resume", Colour.WAITING))
    if answer["items"]:
        show_upcoming(answer["items"], shell)
    else:
        shell.say("Nothing is due: no incident is waiting for anything.")
    return DONE


def show_upcoming(items: Sequence[Json], shell: Shell) -> None:
    """Print what happens when, and to which incident."""
    shell.table(
        ("DUE", "WHAT", "INCIDENT", "ENTITY", "WEBHOOKS"), [_row(each, shell.now) for each in items]
    )


def due_now(backlog: Json) -> str:
    """Return how much is due, in words."""
    parts = (
        counted(backlog["steps"], "step"),
        counted(backlog["attempts"], "attempt"),
        counted(backlog["hold_ends"], "end of a hold", "ends of holds"),
    )
    return f"due now: {', '.join(parts)}"


def _row(item: Json, now: datetime) -> tuple[str | Cell, ...]:
    incident = item["incident"]
    return (
        _due(item, now),
        _what(item),
        "a test" if incident is None else f"#{incident}",
        entity_cell(item["entity_id"] or "-"),
        ", ".join([*item["webhooks"], *(f"{slug} (skipped)" for slug in item["skipped"])]) or "-",
    )


def _due(item: Json, now: datetime) -> str:
    due = relative(item["due_at"], now)
    if item["sooner_at"]:
        due += f" ({relative(item['sooner_at'], now)} if nobody is reached)"
    return due


def _what(item: Json) -> str:
    what = _WHAT[item["what"]]
    if item["policy"] and item["place"]:
        return f"{what}: {item['policy']} step {item['place']['step']}"
    return f"{what}: {item['delivery']}" if item["delivery"] else what
