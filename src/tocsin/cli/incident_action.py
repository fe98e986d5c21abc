"""What the commands that act on incidents have in common: the numbers, the message, the answer."""

import argparse
from collections.abc import Mapping, Sequence

from tocsin.cli.client import Client, Json
from tocsin.cli.command import incident_number
from tocsin.cli.incidents import PATH, status_of
from tocsin.cli.shell import DONE, REFUSED, Shell


def add_number(parser: argparse.ArgumentParser) -> None:
    """Let the user name one incident, and say why."""
    parser.add_argument("number", metavar="NUMBER", type=incident_number, help="31 or #31")
    _add_message(parser)


def add_numbers(parser: argparse.ArgumentParser) -> None:
    """Let the user name several incidents, and say why."""
    parser.add_argument(
        "numbers", metavar="NUMBER", nargs="+", type=incident_number, help="31 or #31"
    )
    _add_message(parser)


def _add_message(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--message", metavar="TEXT", help="why; it stands on the timeline")


def act_on_one(
    action: str, number: int, given: Mapping[str, Json], shell: Shell, *, as_json: bool
) -> int:
    """Act on one incident. Exit 0; 1 when it is refused."""
    incident = Client.of(shell).post(f"{PATH}/{number}/{action}", given)
    if as_json:
        shell.json(incident)
    else:
        _tell(incident, shell, changed=incident["changed"])
    return DONE


def act_on_many(
    action: str, numbers: Sequence[int], message: str | None, shell: Shell, *, as_json: bool
) -> int:
    """Act on each of several incidents. Exit 0; 1 when one of them was refused."""
    if len(numbers) == 1:
        return act_on_one(action, numbers[0], {"message": message}, shell, as_json=as_json)
    given = {"numbers": list(numbers), "message": message}
    answer = Client.of(shell).post(f"{PATH}/{action}", given)
    if as_json:
        shell.json(answer)
    refused = [result for result in answer["results"] if result["error"]]
    for result in answer["results"]:
        if not as_json and result["incident"]:
            _tell(result["incident"], shell, changed=result["changed"])
    for result in refused:
        shell.complain(str(result["error"]["message"]))
    return REFUSED if refused else DONE


def _tell(incident: Json, shell: Shell, *, changed: bool) -> None:
    unchanged = "" if changed else "(as it was)"
    title = f"{incident['title']} {unchanged}".rstrip()
    shell.say(f"#{incident['number']}", status_of(incident, shell.now), title)
