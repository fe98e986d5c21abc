"""`tocsin incidents`."""

import argparse
from datetime import datetime
from typing import Final

from tocsin.cli.client import Client, Json
from tocsin.cli.command import Commands, add_group, add_limit, add_parser, incident_number
from tocsin.cli.paint import Cell, Colour, word
from tocsin.cli.shell import DONE, Shell
from tocsin.cli.table import entity_cell
from tocsin.cli.when import relative, since
from tocsin.domain.actor import name_of_actor

PATH: Final = "/incidents"
STATUSES: Final = ("triggered", "acknowledged", "resolved")
_LONGEST_TIMELINE: Final = 1000
_SHOWN_OF_TIMELINE: Final = 30


def add_command(commands: Commands) -> None:
    group = add_group(
        commands,
        "incidents",
        list_incidents,
        teaches="List incidents, show one with what comes next, or open one by hand.",
        example="""
            tocsin incidents                        # the newest, whatever their status
            tocsin incidents list --status triggered
            tocsin incidents show 31
        """,
        then="tocsin acknowledge 31    # its escalations stop",
        options=_add_options,
    )
    _add_options(
        add_parser(
            group,
            "list",
            list_incidents,
            teaches="List incidents, the newest first.",
            example="tocsin incidents list --status triggered",
            then="tocsin incidents show 31",
        )
    )
    for name, run, teaches in (
        ("show", show, "Show an incident: its escalations, what comes next, what happened."),
        ("timeline", timeline, "Show everything that happened to an incident, oldest first."),
    ):
        parser = add_parser(
            group,
            name,
            run,
            teaches=teaches,
            example=f"tocsin incidents {name} 31",
            then="tocsin why '#31'    # why somebody was paged, or nobody",
        )
        parser.add_argument("number", metavar="NUMBER", type=incident_number)
    _add_open(group)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--status", choices=STATUSES)
    parser.add_argument("--entity", metavar="ENTITY", help="only those of this entity_id")
    parser.add_argument("--routing-key", metavar="KEY", help="only those under this routing key")
    parser.add_argument(
        "--nobody-left", action="store_true", help="only those with nobody left to page"
    )
    add_limit(parser)


def _add_open(group: Commands) -> None:
    parser = add_parser(
        group,
        "open",
        open_by_hand,
        teaches="""
            Open an incident by hand, and start the policies that you name. For what a program
            noticed, tocsin alert is the better way: it can be resolved by a program too.
        """,
        example='tocsin incidents open "The cellar is under water" --policy ops/primary',
        then="tocsin incidents show 31    # with the number that was shown",
    )
    parser.add_argument("summary", metavar="SUMMARY", help="what is wrong, in a line")
    parser.add_argument("--details", metavar="TEXT", help="more about it")
    add_destination(parser)


def add_destination(parser: argparse.ArgumentParser) -> None:
    """Let the user say which policies start."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--policy",
        action="append",
        metavar="TEAM/POLICY",
        help="start this policy; may be given several times",
    )
    where.add_argument(
        "--routing-key", metavar="KEY", help="start the policies of this routing key"
    )


def list_incidents(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0."""
    page = Client.of(shell).pages(
        PATH,
        limit=args.limit,
        status=args.status,
        entity_id=args.entity,
        routing_key=args.routing_key,
        nobody_left="true" if args.nobody_left else None,
    )
    shell.listing(
        page,
        ("INCIDENT", "STATUS", "OPENED", "ALERTS", "ENTITY", "MESSAGE"),
        lambda each: _row(each, shell.now),
        nothing="No such incidents.",
        as_json=args.json,
    )
    return DONE


def _row(incident: Json, now: datetime) -> tuple[str | Cell, ...]:
    return (
        f"#{incident['number']}",
        status_of(incident, now),
        relative(incident["opened_at"], now),
        str(incident["alert_count"]),
        entity_cell(incident["entity_id"]),
        incident["message"] or entity_cell(incident["title"]),
    )


def status_of(incident: Json, now: datetime) -> Cell:
    """Return where an incident is, in words."""
    status = word(incident["status"])
    if incident["held_until"]:
        return Cell(f"held, ends {relative(incident['held_until'], now)}", status.colour)
    if incident["nobody_left_since"] and incident["status"] == "triggered":
        return Cell(f"{status.text}, nobody left to page", Colour.BAD)
    if incident["status"] == "acknowledged" and incident["acknowledged_by"]:
        return Cell(f"{status.text} by {name_of_actor(incident['acknowledged_by'])}", status.colour)
    return status


def show(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is none of this number."""
    client = Client.of(shell)
    incident = client.get(f"{PATH}/{args.number}")
    if args.json:
        shell.json(incident)
        return DONE
    shell.say(Cell(f"#{incident['number']} {incident['title']}", Colour.STRONG))
    shell.say(incident["headline"]["text"])
    shell.facts(
        {
            "status": status_of(incident, shell.now),
            "message": incident["message"] or "-",
            "entity": incident["entity_id"],
            "routing key": incident["routing_key"] or "-",
            "opened": relative(incident["opened_at"], shell.now),
            "alerts": f"{incident['alert_count']}, the latest {incident['latest_alert']}",
        }
    )
    for escalation in incident["escalations"]:
        _show_escalation(escalation, shell)
    _show_timeline(client, incident, shell)
    return DONE


def _show_escalation(escalation: Json, shell: Shell) -> None:
    upcoming = escalation["next"]
    if upcoming:
        place = upcoming["place"]
        webhooks = ", ".join(upcoming["webhooks"])
        due = relative(upcoming["due_at"], shell.now)
        if upcoming["sooner_at"]:
            due += f" ({relative(upcoming['sooner_at'], shell.now)} if nobody is reached)"
        comes = f"next: step {place['step']} {due}, {webhooks}"
    else:
        comes = f"ended {relative(escalation['ended_at'], shell.now)}: {escalation['end_reason']}"
    fired = f"{escalation['fired']} of {escalation['of']} steps fired"
    policy = f"{escalation['policy']} (version {escalation['version']})"
    shell.say(f"escalation {escalation['number']}: {policy}: {fired}; {comes}")


def _show_timeline(client: Client, incident: Json, shell: Shell) -> None:
    page = client.pages(f"{PATH}/{incident['number']}/timeline", limit=_LONGEST_TIMELINE)
    entries = page["items"][-_SHOWN_OF_TIMELINE:]
    earlier = len(page["items"]) - len(entries)
    shell.say()
    if earlier:
        shell.say(f"... and {earlier} earlier: tocsin incidents timeline {incident['number']}")
    _print_entries(entries, incident["opened_at"], shell)


def _print_entries(entries: list[Json], opened_at: str, shell: Shell) -> None:
    shell.table(
        ("AT", "WHAT HAPPENED"),
        [(since(entry["at"], opened_at), entry["text"]) for entry in entries],
    )


def timeline(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is none of this number."""
    client = Client.of(shell)
    page = client.pages(f"{PATH}/{args.number}/timeline", limit=100_000)
    if args.json:
        shell.json(page)
    else:
        opened_at = page["items"][0]["at"] if page["items"] else ""
        _print_entries(page["items"], opened_at, shell)
    return DONE


def open_by_hand(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is no such policy or routing key."""
    given = {
        "summary": args.summary,
        "details": args.details,
        "policies": args.policy,
        "routing_key": args.routing_key,
    }
    incident = Client.of(shell).post(PATH, given)
    if args.json:
        shell.json(incident)
    else:
        shell.say(f"Incident #{incident['number']} is open: {incident['title']}")
    return DONE
