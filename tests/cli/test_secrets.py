"""Secrets that commands are given: on standard input, where nobody else sees them."""

import os
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.cli.conftest import Cli, Served, environment

BROUGHT = "key-of-the-old-product-"


def test_a_key_is_read_from_standard_input(cli: Cli) -> None:
    """To bring it, and to send with it; nothing is warned of, and a line's end is no part of it."""
    key = f"{BROUGHT}1"
    made = cli("keys", "add", "by-stdin", "--key", "-", given=f"{key}\r\nsecond line\n")

    assert (made.code, made.err) == (0, "")
    assert f"/{key}/ROUTING_KEY" in made.out
    sent = cli("alert", "x", "--type", "info", "--key", "-", given=key)
    assert (sent.code, sent.err) == (0, "")


def test_a_key_on_the_command_line_is_taken_with_a_warning(cli: Cli) -> None:
    """On standard error, so that programs that read --json go on; it does not repeat the key."""
    key = f"{BROUGHT}2"
    made = cli("keys", "add", "by-argument", "--key", key, "--json")
    sent = cli("alert", "x", "--type", "info", "--key", key)

    assert made.json["key"] == key
    assert sent.code == 0
    for done in (made, sent):
        assert done.err.startswith("tocsin: An alert key on the command line is seen by")
        assert "give - instead" in done.err
        assert key not in done.err


def test_a_url_is_read_to_the_letter(cli: Cli, served: Served) -> None:
    """It may hold a secret, and is kept as it stands."""
    url = f"{served.receiver}/ok?token=a%2fb"
    assert cli("webhooks", "add", "secretive", "-", given=f"{url}\n").code == 0
    assert cli("webhooks", "show", "secretive", "--json").json["url"] == url
    assert cli("webhooks", "delete", "secretive").code == 0


@pytest.mark.parametrize(
    "argv",
    [
        ("keys", "add", "x", "--key", "-"),
        ("alert", "x", "--key", "-"),
        ("webhooks", "add", "x", "-"),
    ],
)
def test_nothing_on_standard_input_is_refused(cli: Cli, argv: tuple[str, ...]) -> None:
    """Rather than taken for an empty secret."""
    done = cli(*argv, given="\n")

    assert (done.code, done.out) == (1, "")
    assert "nothing came: write a line" in done.err


def test_on_a_terminal_a_key_is_asked_for_and_not_shown(served: Served) -> None:
    """What is typed is not echoed."""
    key = f"{BROUGHT}3"
    with (
        a_terminal() as (ours, theirs),
        subprocess.Popen(
            [sys.executable, "-m", "tocsin", "keys", "add", "typed", "--key", "-"],
            env=environment(served.home),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            start_new_session=True,  # else it would ask on whatever terminal runs the tests
        ) as process,
    ):
        seen = b""
        while b"An alert key: " not in seen:
            seen += os.read(ours, 1024)
        assert not termios.tcgetattr(ours)[3] & termios.ECHO
        os.write(ours, f"{key}\n".encode())
        out, _ = process.communicate(timeout=20)

    assert process.returncode == 0
    assert f"/{key}/ROUTING_KEY" in out
    assert key.encode() not in seen


@contextmanager
def a_terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal."""
    ours, theirs = os.openpty()
    try:
        yield ours, theirs
    finally:
        os.close(ours)
        os.close(theirs)
