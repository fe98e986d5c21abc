"""`tocsin users`."""

import argparse
from typing import Final

from tocsin.cli.client import Client, Json, segment
from tocsin.cli.command import Commands, add_group, add_parser
from tocsin.cli.paint import Cell, Colour
from tocsin.cli.shell import DONE, Shell
from tocsin.cli.when import relative

PATH: Final = "/users"
ROLES: Final = ("viewer", "responder", "team_administrator", "administrator")
_ROLE_HELP: Final = (
    "viewer: sees; responder: acknowledges, resolves and so on, too; team_administrator: edits the "
    "policies of --team, too; administrator: everything"
)
_TEAM_HELP: Final = "a team that a team administrator administers; may be given more than once"


def add_command(commands: Commands) -> None:
    group = add_group(
        commands,
        "users",
        list_users,
        teaches="List, invite and change users: the people who may sign in to the pages.",
        example="tocsin users add ana --role responder",
        then="tocsin users    # who has accepted, and who signed in when",
    )
    add_parser(
        group,
        "list",
        list_users,
        teaches="List the users, and when each of them signed in last.",
        example="tocsin users list",
        then="tocsin users disable ana",
    )
    parser = add_parser(
        group,
        "add",
        add,
        teaches="Make a user, and show the link by which they choose a password, this once.",
        example="tocsin users add ana --role responder",
        then="# send the link to ana, so that nobody else reads it",
    )
    _add_name(parser)
    parser.add_argument("--role", required=True, choices=ROLES, help=_ROLE_HELP)
    parser.add_argument("--team", action="append", default=[], metavar="TEAM", help=_TEAM_HELP)
    parser = add_parser(
        group,
        "invite",
        invite,
        teaches="""
            Make a new link by which a user chooses a password: who lost the first one, or forgot the
            password. Until it is used nothing changes.
        """,
        example="tocsin users invite ana",
        then="# send the link to ana, so that nobody else reads it",
    )
    _add_name(parser)
    parser = add_parser(
        group,
        "change",
        change,
        teaches="Give a user another role or other teams. It ends their sessions.",
        example="tocsin users change ana --role team_administrator --team database",
        then="tocsin users",
    )
    _add_name(parser)
    parser.add_argument("--role", choices=ROLES, help=_ROLE_HELP)
    parser.add_argument("--team", action="append", metavar="TEAM", help=_TEAM_HELP)
    for name, run, teaches, then in (
        ("disable", disable, "Let a user in no more: sessions and tokens end.", "enable ana"),
        ("enable", enable, "Let a user in again, by the password that they had.", "list"),
        ("delete", delete, "Delete a user who has never signed in.", "list"),
    ):
        parser = add_parser(
            group,
            name,
            run,
            teaches=teaches,
            example=f"tocsin users {name} ana",
            then=f"tocsin users {then}",
        )
        _add_name(parser)


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="by which they sign in, such as ana")


def list_users(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when the token in use may not see them."""
    shell.listing(
        Client.of(shell).get(PATH),
        ("NAME", "ROLE", "TEAMS", "STATE", "SIGNED IN LAST"),
        lambda each: _row(each, shell),
        nothing="Nobody can sign in yet. Make a link: tocsin users add NAME --role administrator",
        as_json=args.json,
    )
    return DONE


def _row(user: Json, shell: Shell) -> tuple[str | Cell, ...]:
    at = user["signed_in_at"]
    last = relative(at, shell.now) if at else "never"
    return (user["name"], user["role"], ", ".join(user["teams"]) or "-", _state(user), last)


def _state(user: Json) -> str | Cell:
    if user["disabled_at"]:
        return Cell("disabled", Colour.BAD)
    return "in force" if user["signed_in_at"] else Cell("invited", Colour.WAITING)


def add(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when the name is taken, or a team does not exist."""
    body = {"name": args.name, "role": args.role, "teams": args.team}
    return _tell_link(Client.of(shell).post(PATH, body), args, shell)


def invite(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is no such user, or they are disabled."""
    path = f"{PATH}/{segment(args.name)}/invite"
    return _tell_link(Client.of(shell).post(path, {}), args, shell)


def _tell_link(made: Json, args: argparse.Namespace, shell: Shell) -> int:
    if args.json:
        shell.json(made)
        return DONE
    until = relative(made["invitation_expires_at"], shell.now)
    shell.say(f"{made['name']} ({made['role']}) chooses a password by this link. It works once and")
    shell.say(f"ends {until}; it is shown only now:")
    shell.say(made["invitation_url"], indent=2)
    return DONE


def change(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when it is refused, as for the last administrator."""
    body = {"role": args.role, "teams": args.team}
    return _patch(body, "{name} is now {role}{of_teams}.", args, shell)


def disable(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is no such user, or they are the last administrator."""
    return _patch({"disabled": True}, "{name} is disabled.", args, shell)


def enable(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is no such user."""
    return _patch({"disabled": False}, "{name} may sign in.", args, shell)


def _patch(body: Json, words: str, args: argparse.Namespace, shell: Shell) -> int:
    answer = Client.of(shell).patch(f"{PATH}/{segment(args.name)}", body)
    if args.json:
        shell.json(answer)
        return DONE
    of_teams = f" of {', '.join(answer['teams'])}" if answer["teams"] else ""
    said = words.format(name=answer["name"], role=answer["role"], of_teams=of_teams)
    shell.say(said if answer["changed"] else f"Nothing changed: {said}")
    return DONE


def delete(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is no such user, or they have signed in."""
    answer = Client.of(shell).delete(f"{PATH}/{segment(args.name)}")
    if args.json:
        shell.json(answer)
    else:
        shell.say(f"{args.name} is deleted, and their link does nothing any more.")
    return DONE
