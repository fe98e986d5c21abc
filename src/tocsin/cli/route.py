"""`tocsin route`."""

import argparse
import json
from typing import Any, ClassVar

from tocsin.cli.check_config import read_file
from tocsin.cli.client import Client, segment
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.shell import DONE, Shell
from tocsin.errors import TocsinError


class NotAnAlert(TocsinError):
    """The file holds nothing that a sender would send."""

    code: ClassVar[str] = "not_an_alert"


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "route",
        run,
        teaches="""
            Show where an alert with a routing key would go: which policies, which steps, and when.
            With --type, --entity or --alert also what it would do now, with the incidents that are
            open. Nothing is sent, stored or changed.
        """,
        example="tocsin route --type critical --entity test/db db",
        then="tocsin alert test/db --routing-key db --type critical   # and see it happen",
    )
    parser.add_argument("key", metavar="KEY", help="the end of the URL that alerts are sent to")

    parser.add_argument("--type", metavar="TYPE", help="its message_type; critical unless told")
    parser.add_argument(
        "--entity", metavar="ENTITY", help="its entity_id; one of its own unless told"
    )
    parser.add_argument(
        "--alert", metavar="FILE", help="the whole alert, as JSON; - reads standard input"
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0, also when it leads nowhere: that is an answer, with a warning. 1 if it would be refused."""
    client = Client.of(shell)
    if args.type is None and args.entity is None and args.alert is None:
        route = client.get(f"/routes/{segment(args.key)}")
    else:
        route = client.post("/routes", {"routing_key": args.key, "alert": _alert(args)})
    if args.json:
        shell.json(route)
    else:
        shell.lines(route["text"])
    return DONE


def _alert(args: argparse.Namespace) -> Any:
    """Return the alert of the file, if one is named, with what else is given. Raises: FileNotRead, NotAnAlert."""
    alert: Any = {}
    if args.alert is not None:
        name, content = read_file(args.alert)
        try:
            alert = json.loads(content)
        except ValueError as error:
            raise NotAnAlert(f"{name} is not JSON: {error}", file=name) from None
        if not isinstance(alert, dict):
            raise NotAnAlert(f"{name} holds no JSON object", file=name)
    if args.type is not None or args.alert is None:
        alert["message_type"] = args.type or "critical"
    if args.entity is not None:
        alert["entity_id"] = args.entity
    return alert
