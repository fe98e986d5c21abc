"""`tocsin why`."""

import argparse

from tocsin.cli.client import Client
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.paint import Cell, Colour
from tocsin.cli.shell import DONE, Shell


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "why",
        run,
        teaches="""
            Say why somebody was paged, or nobody: what was received, what it opened, where it was
            routed, which steps fired and when, what became of each delivery, and what happens next.
        """,
        example="""
            tocsin why disk/db1              # an entity
            tocsin why '#31'                 # an incident
            tocsin why dlv_0d3m5c2k7x9qa     # a delivery
        """,
        then="tocsin deliveries show dlv_...    # the request and the answer in full",
    )
    parser.add_argument(
        "subject", metavar="SUBJECT", help="an entity_id, the number of an incident, or dlv_..."
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0, also when the answer is that nothing was received; 1 when there is no such thing."""
    answer = Client.of(shell).get("/why", subject=args.subject)
    if args.json:
        shell.json(answer)
        return DONE
    title, _, rest = answer["text"].partition("\n")
    shell.say(Cell(title, Colour.STRONG))
    shell.lines(rest)
    return DONE
