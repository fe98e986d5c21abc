"""`tocsin alert`."""

import argparse
import json
import shlex
from typing import ClassVar, Final
from urllib.parse import quote

from tocsin.cli.address import find_url
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.http import Answer, Json, exchange, not_tocsin
from tocsin.cli.secret_argument import read_secret
from tocsin.cli.shell import DONE, REFUSED, Shell
from tocsin.errors import TocsinError

ALERT_PATH: Final = "/integrations/generic/20131114/alert"
TYPES: Final = ("critical", "warning", "info", "acknowledgement", "recovery")


class NoAlertKey(TocsinError):
    """An alert cannot be sent without a key."""

    code: ClassVar[str] = "no_alert_key"


class AlertNotTaken(TocsinError):
    """The server did not take the alert."""

    code: ClassVar[str] = "alert_not_taken"


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "alert",
        run,
        teaches="""
            Send an alert, as a monitoring system would. It goes to the same URL, with an alert key
            instead of a token. critical opens an incident, recovery resolves it.
        """,
        example="""
            export TOCSIN_ALERT_KEY=...     # from the first start, or: tocsin keys add NAME
            tocsin alert disk/db1 --type critical --message "disk full" --routing-key db
            tocsin alert disk/db1 --type recovery
        """,
        then="tocsin why disk/db1    # what became of it",
        json_help="print what the server answered, for programs",
    )
    parser.add_argument("entity", metavar="ENTITY", help="what it is about: the entity_id")
    parser.add_argument(
        "--type", type=str.lower, choices=TYPES, default="critical", help="critical, if not given"
    )
    parser.add_argument("--message", metavar="TEXT", help="what is wrong: the state_message")
    parser.add_argument(
        "--field",
        action="append",
        default=[],
        type=_field,
        metavar="NAME=VALUE",
        help="any other field; may be given several times",
    )
    parser.add_argument(
        "--routing-key", default="default", metavar="KEY", help="picks the policies"
    )
    parser.add_argument(
        "--key",
        metavar="KEY",
        help="the alert key, if not TOCSIN_ALERT_KEY; - asks for it, or reads standard input",
    )


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not NAME=VALUE")
    return name, value


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0 when the alert is on the server's disk; 1 when it was refused."""
    url = find_url(shell.env)
    key = _alert_key(args, shell)
    path = f"{ALERT_PATH}/{quote(key, safe='')}/{quote(args.routing_key, safe='')}"
    answer = exchange(url, "POST", path, _fields(args))
    content = _read(url, answer)
    if args.json:
        shell.json(content)
    if answer.status != 200:
        shell.complain(str(content.get("message", f"status {answer.status}")))
        return REFUSED
    if not args.json:
        shell.say(f"Taken in. What becomes of it: tocsin why {shlex.quote(content['entity_id'])}")
    return DONE


def _alert_key(args: argparse.Namespace, shell: Shell) -> str:
    if args.key:
        return read_secret(args.key, "An alert key", shell)
    key = shell.env.get("TOCSIN_ALERT_KEY", "").strip()
    if not key:
        raise NoAlertKey(
            "An alert needs an alert key: set TOCSIN_ALERT_KEY, or give it to: tocsin alert ENTITY --key -; "
            "a new one is made with: tocsin keys add NAME"
        )
    return key


def _fields(args: argparse.Namespace) -> dict[str, str]:
    fields = {"message_type": args.type.upper(), "entity_id": args.entity}
    if args.message is not None:
        fields["state_message"] = args.message
    return {**fields, **dict(args.field)}


def _read(url: str, answer: Answer) -> Json:
    if answer.status == 404:
        raise AlertNotTaken(
            f"{url} knows no such alert key: it is misspelt or revoked; tocsin keys lists them"
        )
    try:
        content = json.loads(answer.body)
    except ValueError:
        raise not_tocsin(url, answer) from None
    if not isinstance(content, dict) or "result" not in content:
        raise not_tocsin(url, answer)
    return content
