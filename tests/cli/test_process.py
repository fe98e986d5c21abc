"""The command as a process: its terminal, its encoding, and how it is interrupted."""

import fcntl
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping

import pytest
from tests.cli.conftest import Served, environment

TOCSIN = (sys.executable, "-m", "tocsin")


def on_terminal(*argv: str, env: Mapping[str, str], columns: int) -> str:
    """What a command prints on a terminal of this width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen([*TOCSIN, *argv], env=env, stdout=theirs, stdin=theirs) as process:
        os.close(theirs)
        seen = b""
        try:
            while chunk := os.read(ours, 4096):
                seen += chunk
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(ours)
    assert process.returncode == 0
    return seen.decode()


def test_a_table_is_cut_to_the_terminal(served: Served) -> None:
    """Its width is the terminal's, and NO_COLOR is heard."""
    env = {**environment(served.home), "NO_COLOR": "1"}

    narrow = on_terminal("webhooks", env=env, columns=64).splitlines()
    wide = on_terminal("webhooks", env=env, columns=200).splitlines()

    # What is said below it of one that fails is a sentence, and no part of the table.
    assert [line for line in narrow if len(line) > 64 and " is left alone, " not in line] == []
    assert any(line.endswith("...") for line in narrow)
    assert not any("..." in line for line in wide)


def test_colours_are_on_a_real_terminal(served: Served) -> None:
    """A state stands out."""
    assert "\x1b[" in on_terminal("webhooks", env=environment(served.home), columns=80)


def test_a_terminal_of_an_old_encoding_shows_escapes(served: Served) -> None:
    """What ASCII cannot write does not end the command."""
    env = {**environment(served.home), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}

    done = subprocess.run(
        [*TOCSIN, "route", "straße"], env=env, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert r"stra\xdfe" in done.stdout


@pytest.fixture
def _ctrl_c_is_heard() -> Iterator[None]:
    """Tests in the background of a shell would hand on that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c_is_heard")
def test_ctrl_c_ends_a_command_quietly() -> None:
    """Waiting for a server that does not answer, it ends with 130, as shells expect."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with subprocess.Popen(
            [*TOCSIN, "incidents"],
            env={"TOCSIN_URL": url, "TOCSIN_TOKEN": "x", "PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            connection, _ = silent.accept()
            with connection:
                asked = b""
                while not asked.endswith(b"\r\n\r\n"):  # then it only waits
                    asked += connection.recv(4096)
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=20)

    assert (process.returncode, out, err) == (130, b"", b"")
