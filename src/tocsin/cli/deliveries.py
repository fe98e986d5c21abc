"""`tocsin deliveries`."""

import argparse
from collections.abc import Sequence
from datetime import datetime

from tocsin.cli.client import Client, Json, segment
from tocsin.cli.command import Commands, add_group, add_limit, add_parser, incident_number
from tocsin.cli.delivery import PATH, last_outcome, show_attempts, summary
from tocsin.cli.paint import Cell
from tocsin.cli.send_again import add_send_again, add_times, instant
from tocsin.cli.shell import DONE, Shell
from tocsin.cli.when import relative

MASK = "***"
STATES = ("pending", "sending", "delivered", "failed", "cancelled")


def add_command(commands: Commands) -> None:
    group = add_group(
        commands,
        "deliveries",
        list_deliveries,
        teaches="""
            List deliveries, the newest first, show one, or send some again. One is shown with each
            attempt and the request as it was sent.
        """,
        example="""
            tocsin deliveries --webhook pager --state failed
            tocsin deliveries show dlv_0d3m5c2k7x9qa
            tocsin deliveries send-again dlv_0d3m5c2k7x9qa
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
            Show a delivery: each attempt with its outcome, likely cause and phases, what was
            answered last, and the last request. With --request print only the bytes of a request,
            as they were sent but for the signatures.
        """,
        example="""
            tocsin deliveries show dlv_0d3m5c2k7x9qa
            tocsin deliveries show dlv_0d3m5c2k7x9qa --request --attempt 2
        """,
        then="tocsin why dlv_...    # what led to it, and what happens next",
    )
    parser.add_argument("id", metavar="DELIVERY", help="dlv_..., as tocsin deliveries lists it")
    parser.add_argument("--request", action="store_true", help="print the request, to the byte")
    parser.add_argument(
        "--attempt", metavar="N", type=int, help="of this attempt, instead of the last one"
    )
    add_send_again(group)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--webhook", metavar="NAME", help="only those to this webhook")
    parser.add_argument("--state", choices=STATES)
    parser.add_argument("--incident", metavar="NUMBER", type=incident_number)
    parser.add_argument("--tests", action="store_true", help="only tests")
    add_times(parser)
    add_limit(parser)


def list_deliveries(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0."""
    page = Client.of(shell).pages(
        PATH,
        limit=args.limit,
        webhook=args.webhook,
        state=args.state,
        incident=args.incident,
        test="true" if args.tests else None,
        since=instant(args.since, shell.now),
        until=instant(args.until, shell.now),
    )
    shell.listing(
        page,
        ("DELIVERY", "MADE", "WEBHOOK", "FOR", "ATTEMPTS", "LAST OUTCOME", "STATE"),
        lambda each: _row(each, shell.now),
        nothing="No such deliveries.",
        as_json=args.json,
    )
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
    step = delivery["step"]
    again = ", again" if delivery["resend_of"] else ""
    if delivery["test"]:
        return f"a test{again}"
    what = f" step {step['place']['step']}" if step else f" {delivery['follow_up'] or ''}".rstrip()
    return f"#{delivery['incident']}{what}{again}"


def show(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is none of this id, no such attempt, or the token may not see its URL."""
    if args.request:
        return _print_request(args, shell)
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
            **({"sends again": delivery["resend_of"]} if delivery["resend_of"] else {}),
            **({"sent again": ", ".join(delivery["resends"])} if delivery["resends"] else {}),
        }
    )
    show_attempts(delivery, shell)
    _show_answer(delivery["attempts"], shell)
    _show_request(delivery["request"], shell)
    return DONE


def _print_request(args: argparse.Namespace, shell: Shell) -> int:
    client = Client.of(shell)
    path = f"{PATH}/{segment(args.id)}"
    number = args.attempt or len(client.get(path)["attempts"])
    request = client.get(f"{path}/attempts/{max(number, 1)}/request")
    if args.json:
        shell.json(request)
        return DONE
    if request["source"] != "sent":
        shell.complain(request["note"])
    # The server made it of printable characters and line ends. A prompt is to begin a line of its own.
    shell.out.write(request["text"] + ("\n" if shell.out.isatty() else ""))
    return DONE


def _show_answer(attempts: Sequence[Json], shell: Shell) -> None:
    """Print the last answer that there was, unless it was a success."""
    answered = [each for each in attempts if each["status"]]
    if not answered or answered[-1]["outcome"] == "delivered":
        return
    last = answered[-1]
    shell.say()
    shell.say(f"The answer to attempt {last['number']}, without secrets:")
    for name, value in last["answer_headers"] or ():
        shell.say(f"{name}: {value}", indent=2)
    if last["answer_body"]:
        shell.say()
        shell.lines(last["answer_body"], indent=2)


def _show_request(request: Json, shell: Shell) -> None:
    shell.say()
    shell.say(f"The request. {request['note']}")
    if request["headers"]:
        shell.say(request["request_line"] or "(administrators see the URL)", indent=2)
    for name, value in request["headers"]:
        shell.say(f"{name}: {MASK if value is None else value}", indent=2)
    shell.say()
    shell.say(request["body"], indent=2)
    shell.say()
    shell.say("which says:")
    shell.facts(dict(request["fields"]), indent=2)
