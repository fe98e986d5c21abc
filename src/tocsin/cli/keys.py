"""`tocsin keys`."""

import argparse
from typing import Final

from tocsin.cli.client import Client
from tocsin.cli.command import Commands, add_group, add_parser
from tocsin.cli.issued import list_issued, revoke_issued
from tocsin.cli.secret_argument import read_secret
from tocsin.cli.shell import DONE, Shell

PATH: Final = "/keys"


def add_command(commands: Commands) -> None:
    group = add_group(
        commands,
        "keys",
        list_keys,
        teaches="""
            List, make and revoke alert keys: the part of the alert URL that lets a sender in. Give
            each sender one of its own, so that one can be revoked alone.
        """,
        example="tocsin keys add alertmanager",
        then="tocsin alert test/disk --key -    # asks for the key, and sends an alert with it",
    )
    add_parser(
        group,
        "list",
        list_keys,
        teaches="""
            List the alert keys, how many alerts came by each in the last 30 days, and how many of these paged
            nobody: their type opens nothing or does not exist, or no policy could start. The keys themselves
            were shown once, when they were made.
        """,
        example="tocsin keys list",
        then="tocsin keys revoke alertmanager",
    )
    parser = add_parser(
        group,
        "add",
        add,
        teaches="""
            Make an alert key, and show its URL, this once. With --key it is one that senders have
            already, so that they keep their URL.
        """,
        example="""
            tocsin keys add alertmanager
            tocsin keys add old-nagios --key -           # asks for it
            tocsin keys add old-nagios --key - < FILE    # reads it
        """,
        then="tocsin alert test/disk --key -    # asks for the key, and sends an alert with it",
    )
    parser.add_argument("name", metavar="NAME", help="which sender it is for")
    parser.add_argument(
        "--key",
        metavar="KEY",
        help="a key that senders have already; - asks for it, or reads standard input",
    )
    parser = add_parser(
        group,
        "revoke",
        revoke,
        teaches="Revoke an alert key. Its alerts are refused from now on.",
        example="tocsin keys revoke alertmanager",
        then="tocsin alerts --refused    # whether anybody still uses it, and how often",
    )
    parser.add_argument("name", metavar="NAME", help="as tocsin keys lists it")


def list_keys(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0."""
    nothing = "No alert keys, so nothing can send alerts. Make one: tocsin keys add NAME"
    shown = {"hint": "KEY", "alerts": "ALERTS 30d", "paged_nobody": "PAGED NOBODY"}
    return list_issued(PATH, shown, args, shell, nothing=nothing)


def add(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when the name is taken or the key is refused."""
    client = Client.of(shell)
    key = args.key and read_secret(args.key, "An alert key", shell)
    made = client.post(PATH, {"name": args.name, "key": key})
    if args.json:
        shell.json(made)
        return DONE
    shell.say(f"The alert key {made['name']} is in force. It is shown only now:")
    shell.say(made["key"], indent=2)
    shell.say("Send alerts to this URL, with a routing key at its end:")
    shell.say(f"{made['url']}ROUTING_KEY", indent=2)
    return DONE


def revoke(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when none in force has this name."""
    return revoke_issued(PATH, "alert key", args, shell)
