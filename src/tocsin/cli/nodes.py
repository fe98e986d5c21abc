"""`tocsin nodes`."""

import argparse
from datetime import datetime
from typing import Final

from tocsin.cli.client import Client, Json
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.paint import Cell, Colour
from tocsin.cli.shell import DONE, Shell
from tocsin.cli.when import relative

_ALL_ROLES: Final = 3
_STATES: Final = {"lives": Colour.GOOD, "silent": Colour.BAD, "left": Colour.FAINT}
_HEADINGS: Final = (
    *("NODE", "STATE", "ROLES", "VERSION", "STARTED", "SEEN"),
    *("IN FLIGHT", "WAITING", "CPU", "CLOCK"),
)


def add_command(commands: Commands) -> None:
    add_parser(
        commands,
        "nodes",
        run,
        teaches="""
            List the nodes that share the database: what each does, how busy it is, when it was seen
            last and how far its machine's clock is off. Those that are gone are listed for a day.
        """,
        example="tocsin nodes",
        then="tocsin incidents    # what they work on",
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0."""
    answer = Client.of(shell).get("/nodes")
    if args.json:
        shell.json(answer)
        return DONE
    for sentence in answer["warnings"]:
        shell.say(Cell(sentence, Colour.WAITING))
    shell.table(_HEADINGS, [_row(node, shell.now) for node in answer["items"]])
    return DONE


def _row(node: Json, now: datetime) -> tuple[str | Cell, ...]:
    state, is_gone = node["state"], node["state"] != "lives"
    cpu = node["cpu_percent"]
    return (
        node["node"],
        Cell(state, _STATES[state]),
        "all" if len(node["roles"]) == _ALL_ROLES else ",".join(node["roles"]),
        node["version"],
        relative(node["started_at"], now),
        relative(node["ended_at"] if state == "left" else node["renewed_at"], now),
        "-" if is_gone else str(node["in_flight"]),
        "-" if is_gone else str(node["waiting"]),
        "-" if is_gone or cpu is None else f"{cpu}%",
        "-" if is_gone else _skew(node["clock_skew_milliseconds"]),
    )


def _skew(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    if abs(milliseconds) < 1000:
        return f"{milliseconds:+.0f}ms"
    return f"{milliseconds / 1000:+.1f}s"
