"""`tocsin demo` as a user runs it: nothing of it is told that did not happen."""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from tests.demo.performed import Told, begin, end, read_until

from tocsin.cli.http import exchange

WIDEST = 100  # columns
LAST_LINE = "What the receivers get is shown here:\n"


def test_once_ends_with_success_and_leaves_nothing_behind(told: Told, folder: Path) -> None:
    """All of it was seen, nothing went to stderr, and the temporary folder is empty again."""
    assert (told.err, told.code) == ("", 0), told.out
    assert "All of this was seen to happen" in told.out
    assert not list((folder / "once").iterdir())


def test_the_configuration_is_shown_as_it_is_applied(told: Told) -> None:
    """The text names both webhooks with their URLs, and when each step fires."""
    assert re.search(r"pager: \{url: 'http://127\.0\.0\.1:\d+/page'\}", told.out)
    assert re.search(r"phone-bridge: \{url: '.*/call', profile: documented\}", told.out)
    assert "- {after: 4s, webhooks: [phone-bridge]}" in told.out


def test_every_request_has_a_line(told: Told) -> None:
    """The retry, both webhooks, the forgery and the step that did not fire, each with all columns."""
    assert told.rows() == [
        ("alert", "-", "-", "200", "-"),
        ("#1 1/3", "pager", "1", "500", "verified"),
        ("#1 1/3", "pager", "2", "200", "verified"),
        ("#1 2/3", "phone-bridge", "1", "200", "verified"),
        ("forged", "pager", "-", "401", "refused"),
        ("#1 3/3", "pager", "-", "-", "-"),
        ("#1 3/3", "phone-bridge", "-", "-", "-"),
    ]


def test_a_retry_has_the_delivery_id_of_the_first_attempt(told: Told) -> None:
    """Both attempts of step 1 belong to one delivery, step 2 has another, step 3 none."""
    _, first, retry, second, forged, *third = told.deliveries()
    assert first == retry == forged != second
    assert third == ["none: acknowledged"] * 2


def test_the_lines_stand_in_order_of_time(told: Told) -> None:
    """Seconds count from the alert, and step 3 was due 7 s after it."""
    seconds = [float(match["seconds"]) for match in told.matches()]
    assert seconds == sorted(seconds)
    assert 0 <= seconds[0] < seconds[1]
    assert 7 <= seconds[-1] < 12


def test_both_profiles_are_seen(told: Told) -> None:
    """The pager gets quoted fields, the phone bridge the three bare ones of the vendor's page."""
    assert re.search(r'^ +entity_id +"disk"$', told.out, re.MULTILINE)
    assert re.search(
        r"^ +Incident +1\n +Summary +PROBLEM db1 disk CRITICAL\n +Message +PROBLEM db1 disk ",
        told.out,
        re.MULTILINE,
    )


def test_a_forgery_is_refused_with_the_reason(told: Told) -> None:
    """What the receiver library says to its log is shown."""
    assert "The receiver's log says: the signature does not match" in told.out


def test_why_is_answered(told: Told) -> None:
    """The last chapter names both deliveries and why nothing more happens."""
    why = told.out.partition("`tocsin why '#1'` tells all of it")[2]
    assert set(told.deliveries()[1:4]) == set(re.findall(r"dlv_\w+", why))
    assert "Nothing: local acknowledged it." in why


def test_the_output_fits_a_terminal_and_is_plain(told: Told) -> None:
    """No line is wider than 100 columns, ends in blanks, or has a colour where no terminal is."""
    lines = told.out.splitlines()
    assert max(map(len, lines)) <= WIDEST
    assert lines == [line.rstrip() for line in lines]
    assert "\x1b" not in told.out


def test_what_it_suggests_works_until_it_is_stopped(
    up: subprocess.Popen[str], told: Told, folder: Path
) -> None:
    """Each command finds the demo's server, another alert is paged, and Ctrl-C ends it well."""
    text = read_until(up, LAST_LINE)
    commands = re.findall(r"^   (TOCSIN_HOME=.*)$", text, re.MULTILINE)
    outputs = [run(command) for command in commands]

    assert len(commands) == 4
    assert "acknowledged by local" in outputs[0]
    assert text.count("dlv_") > outputs[1].count("dlv_") == 2
    body, url = re.findall(r"^   curl -d '(.*)' \\\n +(http://\S+)$", text, re.MULTILINE)[0]
    assert exchange(url, "POST", "", json.loads(body)).status == 200
    text += read_until(up, "#2 1/3")
    up.send_signal(signal.SIGINT)
    ended = end(up, text)
    assert (ended.err, ended.code) == ("", 0)
    assert ended.rows()[-1] == ("#2 1/3", "pager", "1", "200", "verified")
    assert ended.out.endswith("\nStopped; the demo's folder is removed.\n")
    assert not list((folder / "up").iterdir())


def run(command: str) -> str:
    """Carry out a command line in a shell, as one pastes it."""
    shell = shutil.which("sh")
    assert shell is not None
    environment = {**os.environ, "TOCSIN_URL": "http://127.0.0.1:9"}
    done = subprocess.run(
        [shell, "-c", command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("options", "code"), [((), 0), (("--once",), 130)], ids=["until stopped", "once"]
)
def test_ctrl_c_ends_the_story_wherever_it_is(
    tmp_path: Path, options: tuple[str, ...], code: int
) -> None:
    """It ends without a word too many; only --once, which promised all of it, counts it as failure."""
    demo = begin(tmp_path / "stopped", *options)
    text = read_until(demo, "verified")
    demo.send_signal(signal.SIGINT)
    ended = end(demo, text)

    assert (ended.err, ended.code) == ("", code)
    assert ended.out.endswith("\nStopped; the demo's folder is removed.\n")
    assert not list((tmp_path / "stopped").iterdir())
