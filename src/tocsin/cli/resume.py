"""`tocsin resume`."""

import argparse

from tocsin.cli.client import Client, Json
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.shell import DONE, Shell
from tocsin.cli.upcoming import due_now, show_upcoming


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "resume",
        run,
        teaches="""
            Go on after a pause. What is overdue goes out first; --dry-run lists it and changes
            nothing.
        """,
        example="""
            tocsin resume --dry-run
            tocsin resume
        """,
        then="tocsin upcoming    # what comes after that",
    )
    parser.add_argument("--dry-run", action="store_true", help="list what would go out at once")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0, also when it was not paused; 1 when the token may not."""
    answer = Client.of(shell).post("/resume", {"dry_run": args.dry_run})
    if args.json:
        shell.json(answer)
        return DONE
    if answer["items"]:
        show_upcoming(answer["items"], shell)
    shell.say(_verdict(answer))
    return DONE


def _verdict(answer: Json) -> str:
    due = due_now(answer["due_now"])
    if answer["dry_run"]:
        paused = "paused" if answer["paused"] else "not paused"
        return f"This was a dry run; the server is {paused}; {due}"
    return f"Resumed; {due}" if answer["changed"] else f"It was not paused; {due}"
