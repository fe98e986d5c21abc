"""`tocsin alerts`."""

import argparse
from datetime import datetime
from typing import Final

from tocsin.cli.client import Client, Json, segment
from tocsin.cli.command import Commands, add_group, add_limit, add_parser
from tocsin.cli.paint import Cell, Colour, word
from tocsin.cli.shell import DONE, Shell
from tocsin.cli.table import entity_cell
from tocsin.cli.when import relative

PATH: Final = "/alerts"
REFUSED_PATH: Final = "/refused-alerts"
_HEADINGS: Final = ("ALERT", "RECEIVED", "TYPE", "ENTITY", "ROUTING KEY", "EFFECT")
_REFUSED_HEADINGS: Final = ("RECEIVED", "TIMES", "CODE", "KEY", "ROUTING KEY", "REASON", "BODY")


def add_command(commands: Commands) -> None:
    group = add_group(
        commands,
        "alerts",
        list_alerts,
        teaches="""
            List alerts, the newest first: those that were taken in, or those that were refused,
            with the reason.
        """,
        example="""
            tocsin alerts --entity disk/db1
            tocsin alerts --refused      # not understood, or with a key that lets nobody in
        """,
        then="tocsin alerts show alr_...   # every field of one",
        options=_add_options,
    )
    parser = add_parser(
        group,
        "list",
        list_alerts,
        teaches="List alerts, the newest first.",
        example="tocsin alerts list --refused",
        then="tocsin alerts show alr_...   # every field of one",
    )
    _add_options(parser)
    parser = add_parser(
        group,
        "show",
        show,
        teaches="Show an alert with every field, and what was repaired in it.",
        example="tocsin alerts show alr_0d3m5c2k7x9qa",
        then="tocsin why disk/db1    # what it did",
    )
    parser.add_argument("id", metavar="ALERT", help="alr_..., as tocsin alerts lists it")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--entity", metavar="ENTITY", help="only those of this entity_id (refused: that mention it)"
    )
    parser.add_argument("--refused", action="store_true", help="those that were refused, and why")
    add_limit(parser)


def list_alerts(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0."""
    client = Client.of(shell)
    if args.refused:
        page = client.pages(REFUSED_PATH, limit=args.limit, mentioning=args.entity)
    else:
        page = client.pages(PATH, limit=args.limit, entity_id=args.entity)
    headings, row = (_REFUSED_HEADINGS, _refused_row) if args.refused else (_HEADINGS, _row)
    shell.listing(
        page,
        headings,
        lambda each: row(each, shell.now),
        nothing="No such alerts.",
        as_json=args.json,
    )
    return DONE


def _row(alert: Json, now: datetime) -> tuple[str | Cell, ...]:
    incident = f" #{alert['incident']}" if alert["incident"] is not None else ""
    return (
        alert["id"],
        relative(alert["received_at"], now),
        alert["message_type"],
        entity_cell(alert["entity_id"]),
        alert["routing_key"] or "-",
        alert["effect"].replace("_", " ") + incident,
    )


def _refused_row(alert: Json, now: datetime) -> tuple[str | Cell, ...]:
    return (
        relative(alert["received_at"], now),
        str(alert["count"]),
        Cell(alert["code"], Colour.BAD),
        alert["masked_key"],
        alert["routing_key"] or "-",
        alert["reason"],
        alert["excerpt"],
    )


def show(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is none of this id."""
    alert = Client.of(shell).get(f"{PATH}/{segment(args.id)}")
    if args.json:
        shell.json(alert)
        return DONE
    incident = alert["incident"]
    shell.facts(
        {
            "alert": alert["id"],
            "received": relative(alert["received_at"], shell.now),
            "type": alert["message_type"],
            "effect": word(alert["effect"].replace("_", " ")),
            "incident": f"#{incident}" if incident is not None else "-",
        }
    )
    shell.say("fields:")
    shell.facts(alert["fields"], indent=2)
    for repair in alert["repairs"]:
        shell.say(f"repaired: {repair['field'] or 'the body'}: {repair['kind']}")
    return DONE
