"""`tocsin deliveries`."""

import argparse
from datetime import datetime

from tocsin.cli.client import Client, Json, segment
from tocsin.cli.command import Commands, add_group, add_limit, add_parser, incident_number
from tocsin.cli.delivery import PATH, last_outcome, show_attempts, summary
from tocsin.cli.paint import Cell
from tocsin.cli.shell import DONE, Shell
from tocsin.cli.when import relative

STATES = ("pending", "sending", "delivered", "failed", "cancelled")


def add_command(commands: Commands) -> None:
    group = add_group(
        commands,
        "deliveries",
        list_deliveries,
        teaches="""
            List deliveries, the newest first, or show one: each attempt with its outcome, and the
            request as it was sent.
        """,
        example="""
            tocsin deliveries --webhook pager --state failed
            tocsin deliveries show dlv_0d3m5c2k7x9qa
        """,
        then="tocsin why dlv_...    # what led to it, and what happens next",
        options=_add_options,
    )
    parser = add_parser(
        group,
        "list",
        list_deliveries,
        teaches="List deliveries, the newest first.",
        example="tocsin deliveries list --incident 31",
        then="tocsin deliveries show dlv_...",
    )
    _add_options(parser)
    parser = add_parser(
        group,
        "show",
        show,
        teaches="""
            Show a delivery: each attempt with its outcome and likely cause, and the request as it
            was sent, but for the signatures.
        """,
        example="tocsin deliveries show dlv_0d3m5c2k7x9qa",
        then="tocsin why dlv_...    # what led to it, and what happens next",
    )
    parser.add_argument("id", metavar="DELIVERY", help="dlv_..., as tocsin deliveries lists it")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--webhook", metavar="NAME", help="only those to this webhook")
    parser.add_argument("--state", choices=STATES)
    parser.add_argument("--incident", metavar="NUMBER", type=incident_number)
    add_limit(parser)


def list_deliveries(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0."""
    page = Client.of(shell).pages(
        PATH, limit=args.limit, webhook=args.webhook, state=args.state, incident=args.incident
    )
    if args.json:
        shell.json(page)
    elif not page["items"]:
        shell.say("No such deliveries.")
    else:
        shell.table(
            ("DELIVERY", "MADE", "WEBHOOK", "FOR", "ATTEMPTS", "LAST OUTCOME", "STATE"),
            [_row(each, shell.now) for each in page["items"]],
        )
        shell.say_if_more(page)
    return DONE


def _row(delivery: Json, now: datetime) -> tuple[str | Cell, ...]:
    return (
        delivery["id"],
        relative(delivery["created_at"], now),
        delivery["webhook"],
        _purpose(delivery),
        str(len(delivery["attempts"])),
        last_outcome(delivery),
        summary(delivery, now),
    )


def _purpose(delivery: Json) -> str:
    if delivery["incident"] is None:
        return "a test"
    step = delivery["step"]
    return f"#{delivery['incident']}" + (f" step {step['place']['step']}" if step else "")


def show(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is none of this id."""
    delivery = Client.of(shell).get(f"{PATH}/{segment(args.id)}")
    if args.json:
        shell.json(delivery)
        return DONE
    step = delivery["step"]
    shell.facts(
        {
            "delivery": delivery["id"],
            "webhook": delivery["webhook"],
            "for": _purpose(delivery) + (f" of {step['policy']}" if step else ""),
            "planned": relative(delivery["planned_at"], shell.now),
            "state": summary(delivery, shell.now),
        }
    )
    show_attempts(delivery, shell)
    _show_request(delivery["request"], shell)
    return DONE


def _show_request(request: Json, shell: Shell) -> None:
    shell.say()
    shell.say("The request as it was sent; what differs at each attempt is left out:")
    shell.say(request["request_line"] or "(administrators see the URL)", indent=2)
    for name, value in request["headers"]:
        shell.say(f"{name}: {'...' if value is None else value}", indent=2)
    shell.say()
    shell.say(request["body"], indent=2)
    shell.say()
    shell.say("which says:")
    shell.facts(dict(request["fields"]), indent=2)
