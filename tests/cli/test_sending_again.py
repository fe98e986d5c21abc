"""Looking into a delivery, and sending it again: one, or many once they were counted."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from tests.cli.conftest import NOON, Cli, Served, Terminal
from tests.cli.test_responding import delivered, eventually, fire, row

from tocsin.cli.delivery import milliseconds
from tocsin.cli.send_again import instant
from tocsin.errors import TocsinError


def failed_test(cli: Cli) -> str:
    """A test that its receiver refused; its id."""
    done = cli("webhooks", "test", "broken", "--json")
    assert done.json["state"] == "failed"
    return str(done.json["id"])


def test_a_failed_delivery_shows_why(cli: Cli) -> None:
    """Each attempt with its phases and where it led, and what was answered last."""
    shown = cli("deliveries", "show", failed_test(cli)).out
    ms = r"\d[\d.]* ms"
    phases = rf"    phases: resolve {ms}, connect {ms}, first byte {ms}, total {ms}; to 127.0.0.1\n"
    assert re.search(rf"^attempt 1  .*  rejected 500  {ms}\n", shown, flags=re.MULTILINE)
    assert re.search(phases, shown)
    assert "The answer to attempt 1, without secrets:\n  Server: " in shown
    assert (
        "The request. As it was sent, but for the signatures.\n  POST /broken HTTP/1.1\n" in shown
    )


def test_a_request_is_printed_to_the_byte(cli: Cli, served: Served) -> None:
    """Nothing else is on standard output, so that it can be compared; of any attempt."""
    id_ = failed_test(cli)
    printed = cli("deliveries", "show", id_, "--request")
    assert (printed.code, printed.err) == (0, "")
    head, _, body = printed.out.partition("\r\n\r\n")
    assert head.startswith("POST /broken HTTP/1.1\r\nContent-Type: ")
    assert "\r\nX-VictorOps-Signature: ***\r\n" in head
    assert body.startswith("vo_") or "message_type=" in body
    assert not body.endswith("\n")
    assert cli("deliveries", "show", id_, "--request", "--attempt", "1").out == printed.out
    assert Cli(cli.env, on_terminal=True)("deliveries", "show", id_, "--request").out == (
        printed.out + "\n"
    )
    as_json = cli("deliveries", "show", id_, "--request", "--json").json
    assert (as_json["source"], as_json["text"]) == ("sent", printed.out)
    missing = cli("deliveries", "show", id_, "--request", "--attempt", "2")
    assert (missing.code, missing.out) == (1, "")
    assert f"{id_} has no attempt 2: only the first was made" in missing.err
    reader = cli("tokens", "add", "looks-on", "--scope", "read", "--json").json["token"]
    looks_on = Cli({"TOCSIN_URL": served.url, "TOCSIN_TOKEN": reader})
    assert looks_on("deliveries", "show", id_, "--request").code == 1
    assert "(administrators see the URL)" in looks_on("deliveries", "show", id_).out


def test_what_was_not_sent_so_is_said(cli: Cli) -> None:
    """On standard error, beside the request."""
    cli("webhooks", "add", "nowhere", "http://127.0.0.1:1/")
    id_ = cli("webhooks", "test", "nowhere", "--json").json["id"]
    printed = cli("deliveries", "show", id_, "--request")
    assert printed.code == 0
    assert "no byte of it left" in printed.err
    cli("webhooks", "delete", "nowhere")
    forgotten = cli("deliveries", "show", id_, "--request")
    assert "forgotten" in forgotten.err
    assert "HTTP/1.1" not in forgotten.out
    assert "only the body is left" in cli("deliveries", "show", id_).out


def test_one_is_sent_again_by_its_id(cli: Cli) -> None:
    """What failed under its id, what was delivered under another one; each says so."""
    lost = failed_test(cli)
    done = delivered(cli, fire(cli, "again/1", "--routing-key", "once"))["id"]
    sent = cli("deliveries", "send-again", lost, done)
    assert (sent.code, sent.err) == (0, "")
    first, second = sent.out.splitlines()
    assert first == f"{lost} to broken had failed, and is due now."
    (copy,) = re.findall(
        rf"^{done} to pager was delivered, and is sent once more, as (dlv_\w+)\.$", second
    )
    again = eventually(
        lambda: cli("deliveries", "show", lost, "--json").json,
        lambda shown: len(shown["attempts"]) == 2 and shown["ended_at"],
    )
    assert again["state"] == "failed"
    assert f"sends again  {done}\n" in cli("deliveries", "show", copy).out
    assert f"sent again  {copy}\n" in cli("deliveries", "show", done).out
    assert " step 1, again " in row(cli("deliveries", "--webhook", "pager").out, copy)


def test_one_that_is_refused_spoils_nothing_for_the_others(cli: Cli) -> None:
    """Exit 1, with the reason on standard error."""
    lost = failed_test(cli)
    done = cli("deliveries", "send-again", "dlv_0000000000000001", lost)
    assert done.code == 1
    assert done.err == (
        "tocsin: there is no delivery dlv_0000000000000001: list deliveries to see their ids\n"
    )
    assert done.out.startswith(f"{lost} to broken had failed")
    one = cli("deliveries", "send-again", "dlv_0000000000000001", "--json")
    assert (one.code, one.json["error"]["code"]) == (1, "delivery_not_found")
    two = cli("deliveries", "send-again", lost, "dlv_0000000000000001", "--json")
    assert [min(each) for each in two.json["results"]] == ["attempts", "error"]


def test_one_that_is_named_twice_is_sent_once(cli: Cli) -> None:
    """Of one that was delivered there would be another delivery for each time."""
    id_ = delivered(cli, fire(cli, "again/2", "--routing-key", "once"))["id"]
    done = cli("deliveries", "send-again", id_, id_)
    assert (done.code, done.err) == (0, "")
    assert done.out.count(f"{id_} to pager was delivered, and is sent once more") == 1


def test_many_are_counted_and_asked_for(cli: Cli) -> None:
    """Nothing is sent without a yes: on a terminal it is asked for, elsewhere the count is a refusal."""
    number = fire(cli, "many-again/1", "--routing-key", "lost")
    lost = delivered(cli, number)
    choice = ("deliveries", "send-again", "--incident", str(number), "--since", "1h")

    counted = cli(*choice, "--dry-run")
    assert (counted.code, counted.out) == (0, "1 failed delivery to be sent again.\n")
    refused = cli(*choice)
    assert (refused.code, refused.out) == (1, "1 failed delivery to be sent again.\n")
    assert refused.err == (
        "tocsin: 1 delivery would be sent again, and nobody can be asked here: add --yes to send them\n"
    )
    declined = cli(*choice, given=Terminal("n\n"))
    assert declined.code == 1
    assert declined.err.endswith("[y/N] tocsin: 1 delivery would be sent again; nothing was sent\n")
    assert cli(*choice, given=Terminal("")).code == 1
    assert len(cli("deliveries", "show", lost["id"], "--json").json["attempts"]) == 1

    sent = cli(*choice, given=Terminal("y\n"))
    assert (sent.code, sent.out.splitlines()[-1]) == (0, "1 delivery is sent again.")
    gone(cli, lost["id"], attempts=2)
    assert cli(*choice, "--yes", "--json").json["count"] == 1
    gone(cli, lost["id"], attempts=3)
    cli("resolve", str(number))
    left = cli(*choice, "--yes")
    assert (left.code, left.out) == (
        0,
        "0 failed deliveries to be sent again.\n  1 not sent: their escalation was stopped.\n",
    )
    assert cli(*choice, "--dry-run", "--json").json["refused"] == {"stale_escalation": 1}
    assert cli(*choice, "--state", "delivered", "--dry-run").out == (
        "0 delivered deliveries to be sent again.\n"
    )


def gone(cli: Cli, id_: str, *, attempts: int) -> Any:
    return eventually(
        lambda: cli("deliveries", "show", id_, "--json").json,
        lambda shown: len(shown["attempts"]) == attempts and shown["ended_at"],
    )


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("dlv_0000000000000001", "--since", "1h"),
        ("dlv_0000000000000001", "--dry-run"),
        ("--since", "5"),
        ("--since", "yesterday"),
        ("--since", "2026-11-23"),
    ],
)
def test_what_is_meant_must_be_clear(cli: Cli, argv: tuple[str, ...]) -> None:
    """Ids or a choice, and times with their unit: else it is refused, and says how to write it."""
    done = cli("deliveries", "send-again", *argv)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("tocsin: ")


def test_times_are_lengths_or_instants() -> None:
    """A length counts back from now; an instant is given on as it is."""
    assert instant(None, NOON) is None
    assert instant("2h", NOON) == (NOON - timedelta(hours=2)).isoformat()
    assert instant("2026-11-23T11:00:00+01:00", NOON) == "2026-11-23T11:00:00+01:00"
    with pytest.raises(TocsinError, match="seconds or minutes"):
        instant("90", NOON)


def test_tests_are_listed_apart(cli: Cli) -> None:
    """And those that were made in a while."""
    test = failed_test(cli)
    page = delivered(cli, fire(cli, "apart/1", "--routing-key", "once"))["id"]
    tests = cli("deliveries", "--tests").out
    assert "  a test  " in row(tests, test)
    assert page not in tests
    assert all(each["test"] for each in cli("deliveries", "--tests", "--json").json["items"])
    assert page in cli("deliveries", "list", "--since", "1h").out
    assert page not in cli("deliveries", "list", "--until", "1h").out


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (0.004, "0.00 ms"),
        (0.4321, "0.43 ms"),
        (9.994, "9.99 ms"),
        (12.34, "12.3 ms"),
        (1234.5, "1234 ms"),
    ],
)
def test_milliseconds_have_the_digits_that_count(length: float, shown: str) -> None:
    """Two behind the point for what is short, none for what is long."""
    assert milliseconds(length) == shown


def test_an_answer_that_is_json_is_json(cli: Cli) -> None:
    """What `--json` prints is what the API answers."""
    lost = failed_test(cli)
    sent = cli("deliveries", "send-again", lost, "--json")
    assert json.loads(sent.out)["resending"] == "pending_again"
