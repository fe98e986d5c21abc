"""`tocsin serve` as a process: what it says when it starts, and why it does not."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Served, environment, serving

from tocsin.cli.alert import ALERT_PATH


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def refused(home: Path, *options: str, **variables: str) -> tuple[int, str]:
    """Start a server that must not start; returns its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "serve", *options],
        env=environment(home, **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def sentence(home: Path, **variables: str) -> str:
    """The one sentence of a refusal; it begins with the program's name and is the only line."""
    code, told = refused(home, **variables)
    assert code == 1
    (line,) = told.splitlines()
    assert line.startswith("tocsin: ")
    return line.removeprefix("tocsin: ")


def test_the_first_start_says_how_to_go_on(served: Served) -> None:
    """At most 15 lines: version, address, database, alert URL and curl, token, what is missing."""
    text = served.introduction
    alert_url = f"{served.url}{ALERT_PATH}/{served.alert_key}"

    assert len(text.splitlines()) + 1 <= 15
    assert re.match(rf"Tocsin \d+\.\d+\.\d+ answers at {re.escape(served.url)}\n", text)
    assert f"Database: {served.home}/tocsin.db\n" in text
    assert f"\n  {alert_url}/ROUTING_KEY\n" in text
    assert f"Admin token: {served.home}/admin.token (mode 0600" in text
    assert "Not set yet: the default routing" in text
    assert "Next: say who is paged, at http://127.0.0.1:" in text
    assert "/teams or in a YAML file: tocsin apply FILE" in text
    assert (served.home / "admin.token").stat().st_mode & 0o777 == 0o600
    assert (served.home / "admin.token").read_text().strip() not in text


def test_the_curl_line_of_the_first_start_fires_an_alert(served: Served) -> None:
    """Pasted as it is into a shell, it is taken in."""
    (line,) = re.findall(r"^  (curl .*)$", served.introduction, flags=re.MULTILINE)

    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)

    assert done.stdout == '{"result":"success","entity_id":"disk/db1"}'


def test_a_later_start_shows_no_secret_and_stops_gracefully(home: Path) -> None:
    """Neither the key nor the token; SIGTERM ends it with exit code 0. Senders get the public URL."""
    url = "https://tocsin.example.org/t"
    with serving(home, TOCSIN_PUBLIC_URL=f"{url}/") as first:
        key, token = first.alert_key, (home / "admin.token").read_text().strip()
        assert f"\n  {url}{ALERT_PATH}/{key}/ROUTING_KEY\n" in first.introduction
        assert first.cli("keys", "add", "other").out.count(f"{url}{ALERT_PATH}/") == 1
    with serving(home) as second:
        assert key not in second.introduction
        assert ALERT_PATH not in second.introduction
        assert second.cli("keys").code == 0

    assert first.process.returncode == second.process.returncode == 0
    assert token == (home / "admin.token").read_text().strip()
    assert token not in (home.parent / "home.log").read_text()

    (home / "tocsin.db.key").unlink()
    assert "tocsin.db.key back from a backup" in sentence(home), "no new key is made"


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_log_tells_a_secret_that_somebody_put_into_a_path(home: Path, form: str) -> None:
    """An auth code where a name belongs: neither in the refusal nor in the line about the request."""
    with serving(home, TOCSIN_LOG_FORMAT=form) as server:
        assert server.cli("webhooks", "add", "pager", "https://pager.example/").code == 0
        shown = server.cli("webhooks", "show", "pager", "--auth-code", "--json").json
        refused = server.cli(
            "webhooks", "show", "--", shown["auth_code"]
        )  # it may begin with a hyphen
        assert refused.code == 1
        assert "There is no webhook '***'" in refused.err
    log = (home.parent / "home.log").read_text()
    assert "/api/v1/webhooks/***" in log
    assert shown["auth_code"] not in log


def test_paused_on_every_address_until_ctrl_c(home: Path) -> None:
    """`serve --paused` sends nothing until it is resumed; on every address it wants a public URL, and
    the commands here reach it over loopback; SIGINT ends it like SIGTERM."""
    with serving(home, "--paused", TOCSIN_LISTEN="0.0.0.0:0") as server:
        assert (
            "Paused: nothing fires and nothing is sent until: tocsin resume" in server.introduction
        )
        assert "Not set: TOCSIN_PUBLIC_URL" in server.introduction
        assert server.cli("upcoming", "--json").json["paused"] is True
        assert server.cli("resume", "--json").json["changed"] is True
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=20) == 0
    assert "Traceback" not in (home.parent / "home.log").read_text()


# Why it does not start


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_the_port_is_in_use(home: Path, taken: str) -> None:
    """The address and both ways out."""
    told = sentence(home, TOCSIN_LISTEN=taken)

    assert told.startswith(f"{taken} is in use by another program")
    assert "TOCSIN_LISTEN" in told


def test_an_address_of_another_machine(home: Path) -> None:
    """192.0.2.1 is nobody's: it cannot be listened on."""
    assert sentence(home, TOCSIN_LISTEN="192.0.2.1:7878").startswith("cannot listen on 192.0.2.1")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """The folder, the reason, and the setting to change."""
    (tmp_path / "file").touch()

    told = sentence(tmp_path / "file" / "home")

    assert told.startswith(f"{tmp_path}/file/home cannot be written (Not a directory)")
    assert "TOCSIN_HOME" in told


def test_a_second_server_on_the_same_database(served: Served) -> None:
    """It names the process that runs already, and how to have two."""
    told = sentence(served.home)

    assert f"(process {served.process.pid}) is already running" in told
    assert served.cli("keys").code == 0


def test_a_machine_that_trusts_no_authority(home: Path, tmp_path: Path) -> None:
    """Without CA certificates no https webhook could work: refused before the first page."""
    told = sentence(home, SSL_CERT_FILE="/dev/null", SSL_CERT_DIR=str(tmp_path))

    assert "apt install ca-certificates" in told


def test_a_certificate_that_is_none(home: Path, tmp_path: Path) -> None:
    """TLS with files that are no PEM."""
    (tmp_path / "cert").write_text("hello")

    told = sentence(
        home, TOCSIN_TLS_CERT=str(tmp_path / "cert"), TOCSIN_TLS_KEY=str(tmp_path / "cert")
    )

    assert "TOCSIN_TLS_CERT and TOCSIN_TLS_KEY cannot be used" in told


def test_a_database_that_is_none(home: Path) -> None:
    """A file that SQLite cannot read is not touched."""
    home.mkdir()
    (home / "tocsin.db").write_text("this is no database, and much longer than a header" * 100)

    assert "tocsin.db cannot be used" in sentence(home)


def test_settings_that_cannot_be_used_are_told_all_at_once(home: Path) -> None:
    """Exit 2, and a line for each variable."""
    code, told = refused(home, TOCSIN_LISTEN="7878", TOCSIN_LOG_FORMAT="xml", TOCSIN_LISTENS="1")

    assert code == 2
    assert re.findall(r"^tocsin: (TOCSIN_\w+) ", told, flags=re.MULTILINE) == [
        "TOCSIN_LISTEN",
        "TOCSIN_LOG_FORMAT",
        "TOCSIN_LISTENS",
    ]
    assert not home.exists()
