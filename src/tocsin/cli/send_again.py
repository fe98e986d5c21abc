"""`tocsin deliveries send-again`."""

import argparse
from datetime import datetime
from typing import ClassVar

from tocsin.cli.client import Client, Json, Refused, segment
from tocsin.cli.command import Commands, add_parser, incident_number
from tocsin.cli.delivery import PATH
from tocsin.cli.shell import DONE, REFUSED, Shell
from tocsin.domain.duration import parse_duration
from tocsin.domain.wording import counted
from tocsin.errors import TocsinError

STATES = ("failed", "pending", "delivered")
_LONGEST_SECONDS = 600.0  # a hundred thousand, on a server that has much else to do
_DID = {
    "pending_again": "had failed, and is due now",
    "brought_forward": "waited for its next attempt, and is due now",
    "new_delivery": "was delivered, and is sent once more",
    "due_already": "is due already: nothing to do",
    "in_line": "waits for the attempt of an earlier page of its incident: nothing to do",
    "under_way": "is being sent at this moment: nothing to do",
}
_REFUSALS = {
    "stale_escalation": "their escalation was stopped",
    "stale_follow_up": "their incident has changed since, or no page had left",
    "webhook_deleted": "their webhook was deleted",
    "webhook_disabled": "their webhook is disabled",
    "nothing_is_sent": "they are tests, and Tocsin is paused",
}


class NothingChosen(TocsinError):
    """The command line names no deliveries, or names them in two ways."""

    code: ClassVar[str] = "nothing_chosen"


class NotConfirmed(TocsinError):
    """Nobody said yes."""

    code: ClassVar[str] = "not_confirmed"


def add_send_again(group: Commands) -> None:
    """Declare the command among those of deliveries."""
    parser = add_parser(
        group,
        "send-again",
        send_again,
        teaches="""
            Send deliveries again. One that failed is tried at once, under its id, for as long as a
            new one; one that waits is tried at once; of one that was delivered a new one is made.
            What belongs to an escalation that was stopped stays unsent: reopen its incident.

            Without ids all of a choice are sent: they are counted first, and you are asked.
        """,
        example="""
            tocsin deliveries send-again dlv_0d3m5c2k7x9qa
            tocsin deliveries send-again --webhook pager --since 2h --dry-run    # only counts
            tocsin deliveries send-again --webhook pager --since 2h
        """,
        then="tocsin deliveries --webhook pager    # what becomes of them",
    )
    parser.add_argument("ids", metavar="DELIVERY", nargs="*", help="dlv_...")
    parser.add_argument("--webhook", metavar="NAME", help="only those to this webhook")
    parser.add_argument("--state", choices=STATES, help="those that failed, unless told otherwise")
    parser.add_argument("--incident", metavar="NUMBER", type=incident_number)
    parser.add_argument("--tests", action="store_true", help="only tests")
    add_times(parser)
    parser.add_argument("--dry-run", action="store_true", help="count them, and send nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def add_times(parser: argparse.ArgumentParser) -> None:
    """Let the user say when deliveries were made."""
    when = "a length of time such as 2h, or an instant with its time zone"
    parser.add_argument("--since", metavar="WHEN", help=f"made since then: {when}")
    parser.add_argument("--until", metavar="WHEN", help="made before then")


def instant(text: str | None, now: datetime) -> str | None:
    """Return an instant for the API: one that is written out, or that lies a length of time back.

    Raises: DurationWithoutUnit, InvalidDuration, DurationOutOfBounds.
    """
    if text is None or text[4:5] == "-":
        return text
    return (now - parse_duration(text)).isoformat()


def send_again(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when one is refused, or nobody said yes."""
    choice = {
        "webhook": args.webhook,
        "state": args.state,
        "incident": args.incident,
        "test": args.tests or None,
        "since": instant(args.since, shell.now),
        "until": instant(args.until, shell.now),
    }
    is_choice = any(value is not None for value in choice.values())
    if bool(args.ids) is is_choice or (args.ids and args.dry_run):
        raise NothingChosen(
            "Name deliveries, or say which with --webhook, --state, --incident, --tests, --since and "
            "--until, and not both"
        )
    client = Client.of(shell)
    if args.ids:
        return _send_each(client, args.ids, shell, as_json=args.json)
    # What is made from now on was not counted.
    choice["until"] = choice["until"] or shell.now.isoformat()
    return _send_chosen(client, choice, args, shell)


def _send_each(client: Client, ids: list[str], shell: Shell, *, as_json: bool) -> int:
    answers: list[Json] = []
    code = DONE
    for id_ in dict.fromkeys(ids):  # of one that was delivered each request makes another
        try:
            sent = client.post(f"{PATH}/{segment(id_)}/send-again")
        except Refused as refusal:
            code = REFUSED
            answers.append(refusal.answer)
            shell.complain(refusal.message)
            continue
        answers.append(sent)
        if not as_json:
            what = _DID[sent["resending"]]
            as_ = f", as {sent['id']}" if sent["resending"] == "new_delivery" else ""
            shell.say(f"{id_} to {sent['webhook']} {what}{as_}.")
    if as_json:
        shell.json(answers[0] if len(answers) == 1 else {"results": answers})
    return code


def _send_chosen(
    client: Client, choice: dict[str, Json], args: argparse.Namespace, shell: Shell
) -> int:
    counted_now = client.post(f"{PATH}/send-again", {**choice, "dry_run": True})
    count = counted_now["count"]
    if not args.json:
        _tell_count(counted_now, shell, state=args.state or "failed")
    if args.dry_run or not count:
        if args.json:
            shell.json(counted_now)
        return DONE
    if not args.yes:
        _confirm(count, shell)
    given = {**choice, "expected_count": count}
    sent = client.post(f"{PATH}/send-again", given, seconds=_LONGEST_SECONDS)
    if args.json:
        shell.json(sent)
    else:
        shell.say(f"{counted(sent['count'], 'delivery is', 'deliveries are')} sent again.")
        if sent["count"] < count:
            _tell_rest(sent, shell)
    return DONE


def _tell_count(answer: Json, shell: Shell, *, state: str) -> None:
    one, many = f"{state} delivery", f"{state} deliveries"
    shell.say(f"{counted(answer['count'], one, many)} to be sent again.")
    _tell_rest(answer, shell)


def _tell_rest(answer: Json, shell: Shell) -> None:
    for code, count in answer["refused"].items():
        shell.say(f"{count} not sent: {_REFUSALS.get(code, code.replace('_', ' '))}.", indent=2)
    if answer["unchanged"]:
        shell.say(f"{answer['unchanged']} due already, or being sent.", indent=2)


def _confirm(count: int, shell: Shell) -> None:
    """Ask on a terminal. Raises: NotConfirmed."""
    asked = f"{counted(count, 'delivery', 'deliveries')} would be sent again"
    if not shell.given.isatty():
        raise NotConfirmed(f"{asked}, and nobody can be asked here: add --yes to send them")
    shell.err.write("Send them? [y/N] ")
    shell.err.flush()
    if shell.given.readline().strip().lower() not in ("y", "yes"):
        raise NotConfirmed(f"{asked}; nothing was sent")
