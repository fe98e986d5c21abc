"""Saying who is paged: apply, export, check-config, webhooks, policies, keys, tokens, route."""

import os
import re
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.cli.conftest import Cli, Receiving, Served, listening

from tocsin.clock import SystemClock

MORE = """
webhooks:
  night-pager: {{url: '{receiver}/ok', auth_code: brought-from-elsewhere}}
teams:
  night:
    policies:
      watch:
        steps:
          - {{after: 5m, webhooks: [night-pager]}}
          - {{after: 10m, webhooks: [night-pager]}}
          - {{after: 90s, webhooks: [night-pager]}}
alert_keys:
  night-sender: {{}}
"""
BAD = "webhooks:\n  pager:\n    url: 'no url'\n    colour: red\n"


@pytest.fixture
def more(served: Served, tmp_path: Path) -> str:
    file = tmp_path / "more.yaml"
    file.write_text(MORE.format(receiver=served.receiver))
    return str(file)


def test_a_file_is_tried_applied_and_pruned(cli: Cli, more: str) -> None:
    """A dry run changes nothing and shows each step's time from the start; a second apply has nothing
    to do but warn; a made key is shown once; what a file leaves out stays until it is pruned."""
    dry = cli("apply", more, "--dry-run")
    assert dry.code == 0
    assert "step 2 at +15m: night-pager" in dry.out
    assert "This was a dry run" in dry.out
    assert cli("policies", "show", "night/watch").code == 1

    done = cli("apply", more)
    (key,) = re.findall(
        r"alert key night-sender was made\. .* only now: (\S+)$", done.out, re.MULTILINE
    )
    assert cli("alert", "night/1", "--type", "info", "--key", key).code == 0
    again = cli("apply", more)
    assert again.code == 0
    assert again.out.endswith(f"\n{more}: everything is as described; nothing to change.\n")
    assert "warning: teams.night.policies.watch: no routing key leads to it" in again.out
    assert key not in cli("export").out

    Path(more).write_text("alert_keys: {default: {}}\n")
    assert cli("apply", more, "--json").json["changed"] is False
    pruned = cli("apply", more, "--prune")
    assert "- alert key night-sender" in pruned.out
    assert cli("alert", "night/1", "--type", "info", "--key", key).code == 1


def test_mistakes_name_file_line_and_field(cli: Cli, tmp_path: Path) -> None:
    """Each begins with file:line:, as editors like it, with or without a server; exit 1."""
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)

    applied, checked = cli("apply", str(file)), Cli({})("check-config", str(file))

    for done in (applied, checked):
        assert (done.code, done.out) == (1, "")
        assert re.search(rf"^{file}:3: webhooks\.pager\.url: ", done.err, flags=re.MULTILINE)
        assert re.search(rf"^{file}:4: webhooks\.pager\.colour: ", done.err, flags=re.MULTILINE)
    assert applied.err == f"{checked.err}Nothing was changed.\n"


def test_mistakes_for_programs(cli: Cli, tmp_path: Path) -> None:
    """check-config --json lists them, and so does the server's refusal, which apply --json gives."""
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)

    mistakes = Cli({})("check-config", str(file), "--json").json["mistakes"]
    refusal = cli("apply", str(file), "--json").json

    assert [(each["line"], each["field"]) for each in mistakes] == [
        (3, "webhooks.pager.url"),
        (4, "webhooks.pager.colour"),
    ]
    assert refusal["error"]["code"] == "configuration_mistakes"
    assert refusal["error"]["fields"]["mistakes"] == mistakes


def test_a_good_file_needs_no_server(served: Served) -> None:
    """check-config speaks to nobody: it works without a home, a server or a token."""
    file = str(served.home.parent / "base.yaml")

    assert Cli({})("check-config", file).out == f"{file}: no mistakes\n"


@pytest.mark.parametrize("command", ["apply", "check-config"])
def test_a_file_that_cannot_be_read(cli: Cli, command: str, tmp_path: Path) -> None:
    """Missing, or not UTF-8: a sentence, not a traceback."""
    assert cli(command, str(tmp_path / "none.yaml")).err.endswith("No such file or directory\n")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"teams:\n  ops:\n    name: Stra\xdfe\n")

    done = cli(command, str(latin))

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"{latin}:3: this is not UTF-8")


def test_a_file_from_standard_input(served: Served) -> None:
    """`-` reads it, and mistakes call it stdin."""
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "check-config", "-"],
        input=BAD,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("stdin:3: webhooks.pager.url: ")


def test_export_gives_back_what_is_in_force(cli: Cli, tmp_path: Path) -> None:
    """Applied again it changes nothing, and holds no auth code."""
    exported = cli("export")
    file = tmp_path / "export.yaml"
    file.write_text(exported.out)

    assert exported.code == 0
    assert "auth_code:" not in exported.out
    assert cli("apply", str(file), "--json").json["changed"] is False


def test_secrets_go_into_a_new_file_of_ones_own(cli: Cli, tmp_path: Path) -> None:
    """Mode 0600 whatever the umask; never to the terminal, never over a file that exists."""
    file = tmp_path / "secrets.yaml"
    code = cli("webhooks", "show", "pager", "--auth-code", "--json").json["auth_code"]

    before = os.umask(0)
    try:
        done = cli("export", "--secrets", str(file))
    finally:
        os.umask(before)

    assert done.code == 0
    assert code not in done.out
    assert code in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    again = cli("export", "--secrets", str(file))
    assert (again.code, again.out) == (1, "")
    assert "exists: secrets go into a new file only" in again.err
    assert cli("export", "--secrets", str(tmp_path / "no" / "file")).code == 1


def test_a_webhook_from_making_to_deleting(cli: Cli, served: Served) -> None:
    """Made, listed, shown, tried, deleted; its secret only when asked for."""
    made = cli(
        "webhooks", "add", "Phone Bridge", f"{served.receiver}/ok", "--profile", "documented"
    )
    assert made.out.startswith("phone-bridge is made.")

    assert re.search(
        rf"^phone-bridge +Phone Bridge +enabled +documented +{served.receiver}/ok$",
        cli("webhooks").out,
        flags=re.MULTILINE,
    )
    shown = cli("webhooks", "show", "phone-bridge").out
    secret = cli("webhooks", "show", "phone-bridge", "--auth-code").out
    assert re.search(r"^deadline +15m$", shown, flags=re.MULTILINE)
    assert re.search(r"^auth code +\S{36}\nstandard +whsec_\S+$", secret)
    assert secret.split()[2] not in shown

    assert cli("webhooks", "delete", "phone-bridge").out == "phone-bridge is deleted.\n"
    gone = cli("webhooks", "show", "phone-bridge")
    assert (gone.code, gone.out) == (1, "")
    assert "phone-bridge" in gone.err


def test_a_webhook_that_is_still_called_stays(cli: Cli) -> None:
    """The refusal names the policy."""
    done = cli("webhooks", "delete", "pager")

    assert done.code == 1
    assert "ops/primary" in done.err


def test_trying_a_webhook_waits_for_the_outcome(cli: Cli) -> None:
    """0 when the receiver took it, with how long each phase took; 1 with status and likely cause when
    it did not, and that a test is not tried again. --json prints the delivery."""
    good, bad = cli("webhooks", "test", "pager"), cli("webhooks", "test", "broken")

    assert good.code == 0
    ms = r"\d[\d.]* ms"
    assert re.fullmatch(
        rf"attempt 1  \S.*  delivered 204  {ms}\n"
        rf"    phases: resolve {ms}, connect {ms}, first byte {ms}, total {ms}; to 127\.0\.0\.1\n"
        r"dlv_\w{16} is delivered\.\n",
        good.out,
    )
    assert bad.code == 1
    assert "rejected 500" in bad.out
    assert "its own log says why" in bad.out
    assert bad.out.endswith(" failed. A test is sent once, so it is not tried again.\n")
    again = cli("webhooks", "test", "broken", "--json")
    assert (again.code, again.json["state"], again.json["due_at"]) == (1, "failed", None)
    assert cli("webhooks", "test", "nobody").code == 1


def test_a_webhook_that_nobody_answers_is_explained_once(cli: Cli) -> None:
    """The likely cause, with the address of this attempt, in one line below the outcome."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    cli("webhooks", "add", "gone", url)

    done = cli("webhooks", "test", "gone")

    assert done.code == 1
    first, second, third, *_ = done.out.splitlines()
    assert "connection refused" in first
    assert second.startswith("    Nothing listens at that address and port")
    assert "127.0.0.1" in second
    assert third.startswith("    phases: resolve ")


class Hasty:
    """A clock by which every wait has been a second longer than it should."""

    def __init__(self) -> None:
        self._now = SystemClock().now()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    async def sleep_until(self, instant: datetime | None) -> None:
        assert instant is not None
        self._now = instant + timedelta(seconds=1)

    async def sleep(self, length: timedelta) -> None:
        await self.sleep_until(self._now + length)


def test_whoever_waits_for_long_is_told(cli: Cli) -> None:
    """A receiver that does not answer: what is waited for, and in the end where to look later."""
    answering = threading.Event()

    class Slow(Receiving):
        def do_POST(self) -> None:  # noqa: N802 - its name there
            answering.wait()
            super().do_POST()

    with listening(Slow) as url:
        cli("webhooks", "add", "slow", f"{url}/ok")
        try:
            done = replace(cli, clock=Hasty())("webhooks", "test", "slow")
        finally:
            answering.set()

    assert done.code == 1
    assert re.fullmatch(
        r"tocsin: waiting for what becomes of dlv_\w+; Ctrl-C ends the waiting only\n", done.err
    )
    assert re.search(
        r"^dlv_(\w+) is still under way; .* See: tocsin deliveries show dlv_\1$",
        done.out,
        flags=re.MULTILINE,
    )


def test_policies_show_when_each_step_fires(cli: Cli) -> None:
    """From the start of the escalation, as people plan it."""
    assert re.search(r"^ops/primary +Primary +2 +\+1h +-$", cli("policies").out, flags=re.MULTILINE)
    assert cli("policies", "show", "ops/primary").out == (
        "ops/primary (Primary), version 1\n  step 1 at +0s: pager\n  step 2 at +1h: pager, broken\n"
    )


def test_a_time_from_the_start_is_added_up_alike_everywhere(cli: Cli, more: str) -> None:
    """By `apply` and by `policies`: sixteen and a half minutes are not 990 seconds."""
    Path(more).write_text(Path(more).read_text().replace("night", "dawn"))
    assert "step 3 at +16m30s: dawn-pager" in cli("apply", more).out
    assert "step 3 at +16m30s: dawn-pager" in cli("policies", "show", "dawn/watch").out
    assert re.search(r"^dawn/watch .* \+16m30s +-$", cli("policies").out, flags=re.MULTILINE)


@pytest.mark.parametrize("path", ["primary", "a/b/c", ""])
def test_a_policy_is_named_with_its_team(cli: Cli, path: str) -> None:
    """Else the command line is wrong, and says how it is right."""
    done = cli("policies", "show", path)
    assert done.code == 2
    assert f"{path!r} is not TEAM/POLICY; tocsin policies lists them" in done.err


@pytest.mark.parametrize(
    "command", ["webhooks show", "webhooks test", "keys revoke", "tokens revoke", "route"]
)
def test_what_cannot_be_a_name_is_no_path(cli: Cli, command: str) -> None:
    """It is not looked for elsewhere on the server."""
    done = cli(*command.split(), "")
    assert (done.code, done.err) == (1, "tocsin: '' is no name: it is empty\n")
    done = cli(*command.split(), "a/b")
    assert (done.code, done.err) == (1, "tocsin: 'a/b' is no name: it is a path\n")


def test_a_route_is_explained_before_an_alert_is_sent(cli: Cli) -> None:
    """For a key that is known, and for one that is not."""
    assert "step 2 at +1h: pager, broken" in cli("route", "DB").out
    assert "is not configured: the default routing" in cli("route", "no-such-key").out
    assert cli("route", "db", "--json").json["is_known"] is True


def test_keys_are_shown_once_and_can_be_brought(cli: Cli) -> None:
    """A key is in the answer of its making, and in no list; an old sender keeps its URL."""
    done = cli("keys", "add", "brought", "--key", "from-the-old-product")

    assert "from-the-old-product/ROUTING_KEY" in done.out
    assert "from-the-old-product" not in cli("keys").out
    assert cli("alert", "x", "--type", "info", "--key", "from-the-old-product").code == 0

    assert cli("keys", "revoke", "brought").code == 0
    assert re.search(r"^brought +from\.\.\. +1 +1 +revoked", cli("keys").out, flags=re.MULTILINE)
    refused = cli("alert", "x", "--type", "info", "--key", "from-the-old-product")
    assert refused.code == 1
    assert "knows no such alert key" in refused.err
    assert "from-the-old-product" not in refused.err


def test_a_token_is_good_for_its_scope(cli: Cli, served: Served) -> None:
    """A token that may only read lists incidents, and is told what it lacks for more."""
    made = cli("tokens", "add", "dashboard", "--scope", "read")
    token = made.out.split()[-1]
    reader = cli.with_env(TOCSIN_URL=served.url, TOCSIN_TOKEN=token)

    assert token.startswith("tsn_")
    assert token not in cli("tokens").out
    assert reader("incidents").code == 0
    assert "(administrators see it)" in reader("webhooks").out
    refused = reader("pause")
    assert refused.code == 1
    assert "the scope administer" in refused.err

    assert cli("tokens", "revoke", "dashboard").code == 0
    assert reader("incidents").code == 1
    assert re.search(r"^dashboard +read +tsn_\S+ +revoked", cli("tokens").out, flags=re.MULTILINE)


def test_the_last_administrator_stays(cli: Cli) -> None:
    """Nobody locks everybody out."""
    assert cli("tokens", "revoke", "local").code == 1
