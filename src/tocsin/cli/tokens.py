"""`tocsin tokens`."""

import argparse
from typing import Final

from tocsin.cli.client import Client
from tocsin.cli.command import Commands, add_group, add_parser
from tocsin.cli.issued import list_issued, revoke_issued
from tocsin.cli.shell import DONE, Shell

PATH: Final = "/tokens"
SCOPES: Final = ("read", "respond", "administer")


def add_command(commands: Commands) -> None:
    group = add_group(
        commands,
        "tokens",
        list_tokens,
        teaches="""
            List, make and revoke tokens: who may use the API and these commands. Every change says
            which token made it.
        """,
        example="tocsin tokens add dashboard --scope read",
        then="TOCSIN_URL=... TOCSIN_TOKEN=... tocsin incidents   # from another machine",
    )
    add_parser(
        group,
        "list",
        list_tokens,
        teaches="List the tokens. The tokens themselves were shown once, when they were made.",
        example="tocsin tokens list",
        then="tocsin tokens revoke dashboard",
    )
    parser = add_parser(
        group,
        "add",
        add,
        teaches="Make a token, and show it, this once.",
        example="tocsin tokens add ana --scope respond",
        then="TOCSIN_URL=... TOCSIN_TOKEN=... tocsin incidents   # from another machine",
    )
    parser.add_argument("name", metavar="NAME", help="who or what it is for; changes carry it")
    parser.add_argument(
        "--scope",
        required=True,
        choices=SCOPES,
        help="read; respond: acknowledge, resolve and so on, too; administer: everything",
    )
    parser = add_parser(
        group,
        "revoke",
        revoke,
        teaches="Revoke a token. It ends at once; the last one that can administer stays.",
        example="tocsin tokens revoke dashboard",
        then="tocsin tokens    # those that are left",
    )
    parser.add_argument("name", metavar="NAME", help="as tocsin tokens lists it")


def list_tokens(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when the token in use may not see the others."""
    return list_issued(PATH, {"scope": "SCOPE", "hint": "TOKEN"}, args, shell)


def add(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when the name is taken."""
    made = Client.of(shell).post(PATH, {"name": args.name, "scope": args.scope})
    if args.json:
        shell.json(made)
        return DONE
    shell.say(f"The token {made['name']} is in force, with the scope {made['scope']}.")
    shell.say("It is shown only now; use it as TOCSIN_TOKEN:")
    shell.say(made["token"], indent=2)
    return DONE


def revoke(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when none in force has this name, or nobody could administer without it."""
    return revoke_issued(PATH, "token", args, shell)
