"""Seeing what happens, and doing something about it."""

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

import pytest
from tests.cli.conftest import Cli, Served, environment

T = TypeVar("T")


def fire(cli: Cli, entity: str, *options: str) -> int:
    """Send an alert; returns the number of its incident."""
    assert cli("alert", entity, "--message", f"{entity} is broken", *options).code == 0
    (incident,) = cli("incidents", "list", "--entity", entity, "--json").json["items"]
    return int(incident["number"])


def status(cli: Cli, number: int) -> str:
    return str(cli("incidents", "show", str(number), "--json").json["status"])


def eventually(look: Callable[[], T], is_so: Callable[[T], bool]) -> T:
    """What is seen once it is so; looks again and again, for as long as a server may take."""
    for _ in range(1000):
        if is_so(seen := look()):
            return seen
    raise AssertionError(seen)


def delivered(cli: Cli, number: int) -> Any:
    """The one delivery of an incident, once it has ended."""
    (delivery,) = eventually(
        lambda: cli("deliveries", "--incident", str(number), "--json").json["items"],
        # It is made a moment after the alert was taken in.
        lambda found: bool(found) and all(each["ended_at"] for each in found),
    )
    return delivery


def row(text: str, start: str) -> str:
    (line,) = re.findall(rf"^{re.escape(start)}\b.*$", text, flags=re.MULTILINE)
    return str(line)


def test_an_alert_travels_as_a_monitoring_system_sends_it(cli: Cli) -> None:
    """Type, message, routing key and any other field arrive; what comes next is suggested."""
    done = cli(
        *("alert", "rack 7/fan", "--type", "WARNING", "--message", "slow", "--routing-key", "db"),
        *("--field", "host=rack7", "--field", "note=a=b"),
    )
    (alert,) = cli("alerts", "--entity", "rack 7/fan", "--json").json["items"]
    fields = cli("alerts", "show", alert["id"], "--json").json["fields"]

    assert done.out == "Taken in. What becomes of it: tocsin why 'rack 7/fan'\n"
    assert (alert["message_type"], alert["routing_key"]) == ("WARNING", "db")
    assert (fields["state_message"], fields["host"], fields["note"]) == ("slow", "rack7", "a=b")
    assert re.search(r"^  host +rack7$", cli("alerts", "show", alert["id"]).out, flags=re.MULTILINE)


def test_an_alert_needs_a_key(served: Served) -> None:
    """Without one, the sentence says where to get it; nothing is sent."""
    done = Cli({"TOCSIN_HOME": str(served.home)})("alert", "x")

    assert (done.code, done.out) == (1, "")
    assert "tocsin keys add NAME" in done.err


def test_an_alert_needs_no_token(served: Served) -> None:
    """A machine that only sends alerts has the URL and the key."""
    sender = Cli({"TOCSIN_URL": served.url, "TOCSIN_ALERT_KEY": served.alert_key})

    assert sender("alert", "no-token", "--type", "info", "--json").json == {
        "result": "success",
        "entity_id": "no-token",
    }
    assert sender("incidents").code == 3


@pytest.mark.parametrize("option", [("--type", "fatal"), ("--field", "host"), ("--field", "=x")])
def test_an_alert_that_cannot_be_meant(cli: Cli, option: tuple[str, str]) -> None:
    """Exit 2, before anything is sent."""
    assert cli("alert", "x", *option).code == 2


def test_a_refused_alert_is_found_with_its_reason(cli: Cli, served: Served) -> None:
    """What was no alert stands in a list of its own, its key masked."""
    sent = cli("alert", "refused-one", "--field", "message_type=")
    assert sent.code == 1
    assert "message_type" in sent.err

    listed = eventually(
        lambda: cli("alerts", "--refused", "--entity", "refused-one"),
        lambda done: "No such alerts." not in done.out,  # kept after the sender was answered
    )

    assert "message_type" in listed.out
    assert served.alert_key not in listed.out
    assert f"{served.alert_key[:4]}..." in listed.out
    assert cli("alerts", "--entity", "refused-one").out == "No such alerts.\n"
    assert cli("alerts", "--refused", "--entity", "another").out == "No such alerts.\n"


def test_a_long_entity_id_is_cut_in_tables_only(cli: Cli) -> None:
    """Lists of incidents, alerts and what comes next stay readable; --json and show have all of it."""
    entity = "rack/" + "7" * 500
    assert cli("alert", entity, "--routing-key", "db").code == 0
    (incident,) = cli("incidents", "--entity", entity, "--json").json["items"]
    (alert,) = cli("alerts", "--entity", entity, "--json").json["items"]
    assert incident["entity_id"] == alert["entity_id"] == entity
    number = str(incident["number"])

    for listing in (("incidents",), ("alerts",), ("upcoming", "--limit", "200")):
        out = cli(*listing).out
        assert "rack/777" in out
        assert entity not in out
    assert entity in cli("incidents", "show", number).out
    assert entity in cli("alerts", "show", alert["id"]).out
    assert entity in cli("upcoming", "--limit", "200", "--json").out
    assert cli("resolve", number).code == 0


def test_an_incident_is_taken_held_reopened_and_ended(cli: Cli) -> None:
    """Each action shows the incident as it is now; repeating one says so and is no failure."""
    number = fire(cli, "walk/1", "--routing-key", "db")
    name = str(number)

    assert cli("acknowledge", name, "--message", "on it").out == (
        f"#{number}  acknowledged by local  walk/1\n"
    )
    assert cli("acknowledge", f"#{number}").out.endswith("walk/1 (as it was)\n")
    assert re.match(
        rf"#{number}  held, ends in (1h|59m)  walk/1$", cli("hold", name, "--for", "1h").out
    )
    assert cli("reopen", name).out == f"#{number}  triggered  walk/1\n"
    assert cli("reroute", name, "--policy", "ops/quiet").code == 0
    shown = cli("incidents", "show", name).out
    assert "escalation 1: ops/primary (version 1): 1 of 2 steps fired; ended" in shown
    assert "ops/quiet (version 1): 0 of 1 steps fired; next: step 1 in 29m, pager" in shown
    assert cli("resolve", name).out == f"#{number}  resolved  walk/1\n"

    refused = cli("reopen", name)
    assert (refused.code, refused.out) == (1, "")
    assert f"incident {number} is resolved" in refused.err
    timeline = cli("incidents", "timeline", name).out
    assert "who says: on it" in timeline
    assert re.search(r"^\+\d+s +Resolved by local", timeline, flags=re.MULTILINE)


def test_several_incidents_at_once(cli: Cli) -> None:
    """One that does not exist spoils nothing for the others; the exit code says that there was one."""
    numbers = [fire(cli, f"many/{i}", "--routing-key", "quiet") for i in range(2)]

    done = cli("acknowledge", *map(str, numbers), "999999")

    assert done.code == 1
    assert "there is no incident 999999" in done.err
    assert [status(cli, number) for number in numbers] == ["acknowledged"] * 2
    assert cli("resolve", *map(str, numbers), "--json").json["results"][0]["changed"] is True


def test_a_hold_may_end_at_an_instant(cli: Cli) -> None:
    """--until takes any time zone."""
    number = fire(cli, "until/1", "--routing-key", "quiet")
    until = (datetime.now(UTC) + timedelta(hours=30)).astimezone(timezone(timedelta(hours=9)))  # noqa: TID251 - the server's clock is real here

    held = cli("hold", str(number), "--until", until.isoformat(), "--json").json["held_until"]

    assert datetime.fromisoformat(held) == until


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--for", "5"), 1),
        (("--for", "1s"), 1),
        (("--until", "tomorrow"), 1),
        ((), 2),
        (("--for", "1h", "--until", "2030-01-01T00:00:00Z"), 2),
    ],
)
def test_a_hold_needs_a_length_or_an_end(cli: Cli, options: tuple[str, ...], code: int) -> None:
    """A bare number is refused: seconds or minutes?"""
    assert cli("hold", "1", *options).code == code


def test_an_incident_opened_by_hand(cli: Cli) -> None:
    """It starts the policies that were named, and must name some."""
    done = cli("incidents", "open", "The cellar is under water", "--policy", "ops/quiet")
    (number,) = re.findall(r"^Incident #(\d+) is open: The cellar is under water$", done.out)

    assert "ops/quiet (version 1)" in cli("incidents", "show", number).out
    assert cli("incidents", "open", "Fire").code == 2
    assert cli("incidents", "open", "Fire", "--policy", "ops/none").code == 1


def test_lists_can_be_narrowed(cli: Cli) -> None:
    """By status, routing key and number of rows; an empty list says so."""
    number = fire(cli, "narrow/1", "--routing-key", "quiet")
    cli("resolve", str(number))
    fire(cli, "narrow/2", "--routing-key", "quiet")

    resolved = cli("incidents", "list", "--status", "resolved", "--routing-key", "quiet").out
    assert row(resolved, f"#{number}").endswith("narrow/1  narrow/1 is broken")
    assert "narrow/2" not in resolved
    one = cli("incidents", "--limit", "1").out.splitlines()
    assert len(one) == 3
    assert one[2] == "... and more: --limit 2"
    assert cli("incidents", "--entity", "none").out == "No such incidents.\n"
    assert cli("incidents", "--limit", "0").code == 2


def test_nobody_left_to_page_is_visible(cli: Cli) -> None:
    """When the last step has fired, the incident says so and can be listed by it."""
    number = fire(cli, "left/1", "--routing-key", "once")
    other = fire(cli, "left/2", "--routing-key", "quiet")

    listed = eventually(
        lambda: cli("incidents", "--nobody-left").out, lambda out: f"#{number} " in out
    )

    assert "triggered, nobody left to page" in row(listed, f"#{number}")
    assert f"#{other} " not in listed


def test_a_delivery_is_shown_as_it_was_sent(cli: Cli) -> None:
    """The list names incident, step and outcome; the delivery has the request without signatures."""
    number = fire(cli, "shown/1", "--routing-key", "db")
    delivery = delivered(cli, number)
    listed = row(cli("deliveries", "--webhook", "pager").out, delivery["id"])
    shown = cli("deliveries", "show", delivery["id"]).out

    assert re.search(rf" pager +#{number} step 1 +1 +delivered 204 +delivered$", listed)
    assert "  POST /ok HTTP/1.1\n" in shown
    assert "  X-VictorOps-Signature: ***\n" in shown
    assert f"  webhook-id: {delivery['id']}\n" in shown
    assert re.search(r'^  entity_id +"shown/1"$', shown, flags=re.MULTILINE)
    assert cli("deliveries", "show", "dlv_nonsense").code == 1
    unknown = cli("deliveries", "--webhook", "unheard-of")
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err == "tocsin: There is no webhook 'unheard-of': look at the list of webhooks\n"
    assert delivery["id"] not in cli("deliveries", "--state", "failed").out


def test_what_comes_next_is_listed(cli: Cli) -> None:
    """Steps with their policy and webhooks, the earliest first; a hold's end, too."""
    number = fire(cli, "next/1", "--routing-key", "quiet")
    line = next(line for line in cli("upcoming").out.splitlines() if f"#{number} " in line)
    assert re.match(r"in 29m +step fires: ops/quiet step 1 ", line)

    cli("hold", str(number), "--for", "2h")
    line = next(line for line in cli("upcoming").out.splitlines() if f"#{number} " in line)
    assert re.match(r"in 1h 59m +hold ends ", line)


def test_pausing_and_going_on(cli: Cli) -> None:
    """Paused, an alert is taken in and nobody is paged; the dry run lists what resuming sends."""
    assert cli("pause").out.startswith("Paused: ")
    assert cli("pause").out.startswith("Paused already: ")
    try:
        number = fire(cli, "paused/1", "--routing-key", "db")
        assert "Paused: nothing of this happens" in cli("upcoming").out
        dry = cli("resume", "--dry-run").out
        assert re.search(rf"step fires: ops/primary step 1 +#{number} +paused/1 +pager", dry)
        assert "This was a dry run; the server is paused; due now: 1 step," in dry
        assert cli("deliveries", "--incident", str(number)).out == "No such deliveries.\n"
    finally:
        assert cli("resume").out.splitlines()[-1].startswith("Resumed; due now: 1 step,")
    assert cli("resume").out.splitlines()[-1].startswith("It was not paused")


def test_why_answers_for_an_entity_an_incident_and_a_delivery(cli: Cli) -> None:
    """From what was received to what happens next, or why nothing will."""
    number = fire(cli, "why/1", "--routing-key", "db")
    delivery = delivered(cli, number)

    of_entity = cli("why", "why/1").out
    assert of_entity.startswith(f"#{number} why/1: triggered\n")
    assert "ops/primary, step 1 of 2, fired" in of_entity
    assert cli("why", f"#{number}").out.partition("\n")[2] == of_entity.partition("\n")[2]
    assert cli("why", delivery["id"]).out.startswith(f"{delivery['id']} to pager: delivered\n")
    assert (
        cli("why", "never-heard-of", "--json").json["sentences"][-1]["reason"] == "never_received"
    )
    assert cli("why", "#999999").code == 1


def test_colours_on_a_terminal_and_not_with_no_color(cli: Cli) -> None:
    """A status stands out; NO_COLOR and a pipe get plain text."""
    fire(cli, "colour/1", "--routing-key", "quiet")
    terminal = Cli(cli.env, on_terminal=True)
    listing = ("incidents", "--entity", "colour/1")

    assert "\x1b[31mtriggered\x1b[0m" in terminal(*listing).out
    assert "\x1b" not in terminal.with_env(NO_COLOR="1")(*listing).out
    assert "\x1b" not in cli(*listing).out


def test_an_alert_cannot_steer_the_terminal(cli: Cli) -> None:
    """An escape sequence in an alert is shown as text, wherever it is listed."""
    fire(cli, "evil\x1b[2J", "--routing-key", "quiet")
    terminal = Cli(cli.env, on_terminal=True)

    for command in (("incidents",), ("alerts",), ("upcoming",)):
        out = terminal(*command).out
        assert "\x1b[2J" not in out
        assert r"evil\x1b[2J" in out


def test_a_reader_that_has_seen_enough_is_no_failure(served: Served) -> None:
    """`tocsin incidents | head -0` ends quietly."""
    with subprocess.Popen(
        [sys.executable, "-m", "tocsin", "alerts", "--json"],
        env=environment(served.home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        told = process.stderr.read()

    assert (process.returncode, told) == (0, b"")


def test_a_note_and_a_move_to_a_new_version(cli: Cli) -> None:
    """What was noted is shown; a move without anything new says so."""
    number = str(fire(cli, "noted"))
    assert cli("note", f"#{number}", "the fan is broken").out == f"Noted on #{number} noted.\n"
    assert "notes: the fan is broken" in cli("incidents", "show", number).out
    assert cli("note", number, " ").code == 1
    assert "(as it was)" in cli("move", number, "--message", "new people").out
    assert cli("move", number, "--policy", "ops/nobody").code == 1
