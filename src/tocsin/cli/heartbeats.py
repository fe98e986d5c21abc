"""`tocsin heartbeats`."""

import argparse
from typing import Final

from tocsin.cli.client import Client, Json, segment
from tocsin.cli.command import Commands, add_group, add_parser
from tocsin.cli.paint import word
from tocsin.cli.shell import DONE, Shell
from tocsin.cli.when import relative
from tocsin.domain.duration import format_duration
from tocsin.domain.heartbeat import DEFAULT_GRACE

PATH: Final = "/heartbeats"


def add_command(commands: Commands) -> None:
    group = add_group(
        commands,
        "heartbeats",
        list_heartbeats,
        teaches="""
            List, add, pause and remove heartbeats: jobs that call every so often. Of one that did not
            call in time an incident opens, and its next call resolves it.
        """,
        example="tocsin heartbeats add nightly-backup --every 24h --grace 30m --routing-key ops",
        then="tocsin why heartbeat/nightly-backup    # who was told that it is silent, and when",
    )
    add_parser(
        group,
        "list",
        list_heartbeats,
        teaches="List the heartbeats: when each called last, and when it is due.",
        example="tocsin heartbeats list",
        then="tocsin heartbeats show nightly-backup",
    )
    _named(
        add_parser(
            group,
            "show",
            show,
            teaches="Show a heartbeat, and the URL that its job calls.",
            example="tocsin heartbeats show nightly-backup",
            then="tocsin why heartbeat/nightly-backup",
        )
    )
    parser = add_parser(
        group,
        "add",
        add,
        teaches="""
            Wait for a job's calls from now on. Its interval counts from now, so that a job that never
            calls is told of, too.
        """,
        example="tocsin heartbeats add nightly-backup --every 24h --grace 30m --routing-key ops",
        then="tocsin heartbeats    # that its first call has come",
    )
    _named(parser)
    parser.add_argument(
        "--every", required=True, metavar="TIME", help="how often it calls: 90s, 5m, 24h"
    )
    parser.add_argument(
        "--grace",
        metavar="TIME",
        help=f"how late a call may be ({format_duration(DEFAULT_GRACE)})",
    )
    parser.add_argument(
        "--routing-key", metavar="KEY", help="who gets its alerts (the default routing)"
    )
    parser.add_argument("--name", metavar="TEXT", help="its name for people (its slug)")
    _named(
        add_parser(
            group,
            "pause",
            pause,
            teaches="Wait for no calls of a heartbeat until it is resumed; its incident is resolved.",
            example="tocsin heartbeats pause nightly-backup",
            then="tocsin heartbeats resume nightly-backup",
        )
    )
    _named(
        add_parser(
            group,
            "resume",
            resume,
            teaches="Wait for a paused heartbeat's calls again. Its interval counts from now.",
            example="tocsin heartbeats resume nightly-backup",
            then="tocsin heartbeats",
        )
    )
    _named(
        add_parser(
            group,
            "remove",
            remove,
            teaches="Remove a heartbeat. Its calls get 404, and its incident is resolved.",
            example="tocsin heartbeats remove nightly-backup",
            then="tocsin heartbeats",
        )
    )


def _named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slug", metavar="SLUG", help="as tocsin heartbeats lists it")


def list_heartbeats(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0."""
    shell.listing(
        Client.of(shell).get(PATH),
        ("HEARTBEAT", "STATE", "LAST CALL", "DUE", "SILENT SINCE", "EVERY", "GRACE", "ROUTING"),
        lambda each: (
            each["slug"],
            word(_state(each)),
            _last_call(each, shell),
            relative(each["due_at"], shell.now),
            relative(each["silent_since"], shell.now),
            each["every"],
            each["grace"],
            each["routing_key"] or "default",
        ),
        nothing="No heartbeats. Add one: tocsin heartbeats add SLUG --every 24h",
        as_json=args.json,
    )
    return DONE


def show(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is none of this name."""
    found = Client.of(shell).get(f"{PATH}/{segment(args.slug)}")
    if args.json:
        shell.json(found)
        return DONE
    shell.say(f"{found['slug']} ({found['name']}) is {_state(found)}.")
    shell.say(f"every {found['every']}, with a grace of {found['grace']}", indent=2)
    shell.say(f"last call: {_last_call(found, shell)}", indent=2)
    if found["message"]:
        shell.say(f"it said: {found['message']}", indent=2)
    if found["due_at"]:
        shell.say(f"due: {relative(found['due_at'], shell.now)}", indent=2)
    shell.say(f"alerts go to: {found['routing_key'] or 'the default routing'}", indent=2)
    shell.say(f"its job calls: curl -fsS --retry 3 {found['url']}", indent=2)
    return DONE


def add(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when the name is taken or something is refused."""
    given = {"slug": args.slug, "name": args.name, "every": args.every}
    given |= {"grace": args.grace, "routing_key": args.routing_key}
    made = Client.of(shell).post(PATH, given)
    if args.json:
        shell.json(made)
        return DONE
    shell.say(f"{made['slug']} is to call by {relative(made['due_at'], shell.now)}.")
    shell.say("At the end of its job, with one of your alert keys:")
    shell.say(f"curl -fsS --retry 3 {made['url']}", indent=2)
    return DONE


def pause(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0, also when it was; 1 when there is none."""
    return _switch(args, shell, paused=True)


def resume(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0, also when it was not paused; 1 when there is none."""
    return _switch(args, shell, paused=False)


def remove(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is none."""
    answer = Client.of(shell).delete(f"{PATH}/{segment(args.slug)}")
    if args.json:
        shell.json(answer)
    else:
        shell.say(f"{args.slug} is removed.")
    return DONE


def _switch(args: argparse.Namespace, shell: Shell, *, paused: bool) -> int:
    found = Client.of(shell).patch(f"{PATH}/{segment(args.slug)}", {"paused": paused})
    if args.json:
        shell.json(found)
    else:
        already = "" if found["changed"] else " already"
        state = (
            "paused" if paused else f"waited for, and due {relative(found['due_at'], shell.now)}"
        )
        shell.say(f"{found['slug']} is{already} {state}.")
    return DONE


def _state(heartbeat: Json) -> str:
    return str(heartbeat["state"]).replace("_", " ")


def _last_call(heartbeat: Json, shell: Shell) -> str:
    return relative(heartbeat["last_call_at"], shell.now) if heartbeat["last_call_at"] else "never"
