"""`tocsin master-key`."""

import argparse
from typing import Final

from tocsin.cli.client import Client, Json
from tocsin.cli.command import Commands, add_group, add_parser
from tocsin.cli.shell import DONE, Shell
from tocsin.domain.wording import counted, listed

PATH: Final = "/master-key"


def add_command(commands: Commands) -> None:
    group = add_group(
        commands,
        "master-key",
        list_keys,
        teaches="""
            Show or change the master key: what webhooks' URLs, auth codes and other secrets are
            encrypted with in the database. The key itself is never shown, only what it is called.
        """,
        example="tocsin master-key",
        then="tocsin master-key rotate",
    )
    add_parser(
        group,
        "list",
        list_keys,
        teaches="List the lines of the master key, and which of them are still needed.",
        example="tocsin master-key list",
        then="tocsin master-key rotate",
    )
    add_parser(
        group,
        "rotate",
        rotate,
        teaches="""
            Make a new master key, encrypt everything with it in one transaction, and forget the old
            one. For a key in the server's own file; where a setting gives it, a new line in front
            and a restart do the same.
        """,
        example="tocsin master-key rotate",
        then="tocsin master-key    # and keep a copy of the new file, apart from the backups",
    )


def list_keys(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0."""
    answer = Client.of(shell).get(PATH)
    if args.json:
        shell.json(answer)
        return DONE
    shell.say(f"From {answer['source']}:")
    shell.table(
        ("KEY", "SECRETS", "STATE"),
        [(key["name"], str(key["secrets"]), _state(key)) for key in answer["keys"]],
    )
    return DONE


def rotate(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when the server cannot change the key for everybody, with what to do instead."""
    answer = Client.of(shell).post(f"{PATH}/rotate")
    if args.json:
        shell.json(answer)
        return DONE
    secrets = counted(answer["secrets"], "secret is", "secrets are")
    shell.say(f"{secrets} encrypted with the new key, {answer['name']}, in {answer['source']}.")
    old = listed(answer["replaced"])
    shell.say(f"The old one, {old}, opens nothing any more but backups that were made before.")
    return DONE


def _state(key: Json) -> str:
    if key["seals"]:
        return "in use"
    return "still needed" if key["needed"] else "not needed any more: it may be taken out"
