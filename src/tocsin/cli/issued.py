"""What alert keys and tokens have in common: shown once when made, listed by a hint, revoked by name."""

import argparse
from collections.abc import Mapping

from tocsin.cli.client import Client, Json, segment
from tocsin.cli.paint import Cell, word
from tocsin.cli.shell import DONE, Shell
from tocsin.cli.when import relative


def list_issued(
    path: str,
    shown: Mapping[str, str],
    args: argparse.Namespace,
    shell: Shell,
    *,
    nothing: str = "None.",
) -> int:
    """List them; `shown` are columns of their own, by the field that each is of. Exit 0."""
    shell.listing(
        Client.of(shell).get(path),
        ("NAME", *shown.values(), "STATE", "MADE"),
        lambda each: (
            each["name"],
            *(str(each[field]) for field in shown),
            _state(each),
            relative(each["created_at"], shell.now),
        ),
        nothing=nothing,
        as_json=args.json,
    )
    return DONE


def _state(issued: Json) -> str | Cell:
    return word("revoked") if issued["revoked_at"] else "in force"


def revoke_issued(path: str, what: str, args: argparse.Namespace, shell: Shell) -> int:
    """Revoke the one that is named. Exit 0; 1 when it is refused."""
    answer = Client.of(shell).delete(f"{path}/{segment(args.name)}")
    if args.json:
        shell.json(answer)
    else:
        shell.say(f"The {what} {args.name} is revoked.")
    return DONE
