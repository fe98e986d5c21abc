"""`tocsin policies`."""

import argparse
from datetime import timedelta
from typing import Final

from tocsin.cli.client import Client, Json, segment
from tocsin.cli.command import Commands, add_group, add_parser
from tocsin.cli.shell import DONE, Shell
from tocsin.domain.duration import from_start, parse_duration

PATH: Final = "/policies"


def add_command(commands: Commands) -> None:
    group = add_group(
        commands,
        "policies",
        list_policies,
        teaches="""
            List and show escalation policies: which webhooks are called, and when. They are changed
            in a file: tocsin export, edit it, tocsin apply.
        """,
        example="tocsin policies show ops/primary",
        then="tocsin route db    # which policies an alert with this routing key starts",
    )
    add_parser(
        group,
        "list",
        list_policies,
        teaches="List the escalation policies.",
        example="tocsin policies list",
        then="tocsin policies show ops/primary",
    )
    parser = add_parser(
        group,
        "show",
        show,
        teaches="Show an escalation policy, each step with its time from the start.",
        example="tocsin policies show ops/primary",
        then="tocsin webhooks show pager    # where a step's webhook goes",
    )
    parser.add_argument(
        "policy", metavar="TEAM/POLICY", type=_path, help="as tocsin policies lists it"
    )


def _path(text: str) -> str:
    if text.count("/") != 1:
        raise argparse.ArgumentTypeError(
            f"{text[:80]!r} is not TEAM/POLICY; tocsin policies lists them"
        )
    return text


def list_policies(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0."""
    shell.listing(
        Client.of(shell).get(PATH),
        ("POLICY", "NAME", "STEPS", "LAST STEP AT", "REPEATS"),
        _row,
        nothing="No policies yet. Describe one in a file, and: tocsin apply FILE",
        as_json=args.json,
    )
    return DONE


def _row(policy: Json) -> tuple[str, ...]:
    steps = policy["steps"]
    last_at = _at(steps[-1]) if steps else "-"
    repeats = _repeat(policy["repeat"]) if policy["repeat"] else "-"
    return policy["path"], policy["name"], str(len(steps)), last_at, repeats


def show(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is none of this name."""
    path = "/".join(segment(part) for part in args.policy.split("/"))
    policy = Client.of(shell).get(f"{PATH}/{path}")
    if args.json:
        shell.json(policy)
        return DONE
    shell.say(f"{policy['path']} ({policy['name']}), version {policy['version']}")
    for line in step_lines(policy):
        shell.say(line, indent=2)
    if policy["repeat"]:
        shell.say(f"then again from step 1, {_repeat(policy['repeat'])}", indent=2)
    return DONE


def step_lines(policy: Json) -> list[str]:
    """Return a line for each step, with its time from the start."""
    return [
        f"step {number} at {_at(step)}: {', '.join(step['webhooks'])}{_patience(step)}"
        for number, step in enumerate(policy["steps"], start=1)
    ] or ["no steps: it pages nobody"]


def _patience(step: Json) -> str:
    patience = step["if_undelivered"]
    return f" (if undelivered for {patience['after']}: the next step)" if patience else ""


def _at(step: Json) -> str:
    """Return the step's time from the start, added up as `apply` and `route` show it."""
    return f"+{from_start(parse_duration(step['at'], at_most=timedelta.max))}"


def _repeat(repeat: Json) -> str:
    return f"{repeat['times']} x after {repeat['after']}"
