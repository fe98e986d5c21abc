"""Changing secrets from the command line: an auth code in two steps, the master key in one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Cli, Served, serving

CODE = "brought-by-standard-input"


@pytest.fixture
def pager(cli: Cli, served: Served, request: pytest.FixtureRequest) -> Iterator[str]:
    """A webhook of the test's own."""
    slug = request.node.name.replace("_", "-")[5:45].rstrip("-")
    assert cli("webhooks", "add", slug, f"{served.receiver}/ok").code == 0
    yield slug
    assert cli("webhooks", "delete", slug).code == 0


def rotation(cli: Cli, slug: str) -> str:
    (found,) = re.findall(r"^rotation +(.*)$", cli("webhooks", "show", slug).out, re.MULTILINE)
    return str(found)


def test_a_code_is_changed_in_two_steps(cli: Cli, pager: str) -> None:
    """Each says what comes next; both codes are shown on request, and then the new one alone."""
    assert rotation(cli, pager) == "-"
    begun = cli("webhooks", "rotate", pager)
    assert begun.out == (
        f"{pager} has a pending auth code: tocsin webhooks show {pager} --auth-code\n"
        f"Once the receiver has it: tocsin webhooks promote {pager}\n"
    )
    assert rotation(cli, pager) == f"pending, until: tocsin webhooks promote {pager}"
    shown = cli("webhooks", "show", pager, "--auth-code").out
    assert re.search(
        r"^pending auth code +\S{36}\npending standard +whsec_\S+$", shown, re.MULTILINE
    )
    pending = cli("webhooks", "show", pager, "--auth-code", "--json").json["pending_auth_code"]
    assert pending in shown
    assert cli("webhooks", "test", pager).code == 0

    promoted = cli("webhooks", "promote", pager)
    assert promoted.out == (
        f"The pending auth code of {pager} is in force; the old one is destroyed.\n"
    )
    after = cli("webhooks", "show", pager, "--auth-code", "--json").json
    assert (after["auth_code"], after["pending_auth_code"]) == (pending, None)
    again = cli("webhooks", "promote", pager)
    assert (again.code, again.out) == (
        0,
        f"{pager} has no pending auth code; nothing is changed.\n",
    )


def test_a_code_is_brought_by_standard_input(cli: Cli, pager: str) -> None:
    """It stands on no command line; one that is none is refused and not repeated."""
    begun = cli("webhooks", "rotate", pager, "--auth-code", "-", "--json", given=f"{CODE}\n")
    assert (begun.json["rotating"], begun.err) == (True, "")
    shown = cli("webhooks", "show", pager, "--auth-code", "--json").json
    assert shown["pending_auth_code"] == CODE
    assert cli("webhooks", "rotate", pager, "--cancel").code == 0

    refused = cli("webhooks", "rotate", pager, "--auth-code", "-", given="too short\n")
    assert refused.code == 1
    assert "too short" not in refused.err


def test_a_time_is_given_or_the_whole_thing_called_off(cli: Cli, pager: str) -> None:
    """As an instant or as a length of time, not both; there is one pending code at a time."""
    begun = cli("webhooks", "rotate", pager, "--promote-in", "2d")
    assert re.search(r"^It is in force in (2d|1d 23h)\.$", begun.out, re.MULTILINE)
    assert rotation(cli, pager).startswith("pending, promoted in ")
    second = cli("webhooks", "rotate", pager)
    assert second.code == 1
    assert "has a pending auth code already" in second.err
    cancelled = cli("webhooks", "rotate", pager, "--cancel")
    assert cancelled.out == f"The pending auth code of {pager} is destroyed.\n"
    assert cli("webhooks", "rotate", pager, "--cancel").out.endswith("nothing is changed.\n")

    past = cli("webhooks", "rotate", pager, "--promote-at", "2001-01-01T00:00:00Z")
    assert past.code == 1
    assert "not in the past" in past.err
    both = cli("webhooks", "rotate", pager, "--promote-at", "x", "--promote-in", "1d")
    assert both.code == 2


def test_the_master_key_is_changed_while_the_server_runs(tmp_path: Path) -> None:
    """What it opened can be opened after the next start, with the file as it is by then."""
    home = tmp_path / "home"
    with serving(home) as server:
        cli = server.cli
        assert cli("webhooks", "add", "pager", "https://pager.example/hook").code == 0
        before = (home / "tocsin.db.key").read_text()
        listed = cli("master-key")
        (old,) = re.findall(r"^([0-9a-f]{8}) +5 +in use$", listed.out, re.MULTILINE)
        assert listed.out.startswith(f"From {home / 'tocsin.db.key'}:\n")

        rotated = cli("master-key", "rotate")
        assert (rotated.code, rotated.err) == (0, "")
        (new,) = re.findall(
            r"5 secrets are encrypted with the new key, ([0-9a-f]{8}),", rotated.out
        )
        assert f"The old one, {old}, opens nothing any more" in rotated.out
        after = (home / "tocsin.db.key").read_text()
        assert (len(after.split()), after != before) == (1, True)
        assert cli("master-key", "--json").json["keys"] == [
            {"name": new, "seals": True, "secrets": 5, "needed": True}
        ]
        assert "https://pager.example/hook" in cli("webhooks").out
    with serving(home) as server:
        assert "https://pager.example/hook" in server.cli("webhooks").out


def test_a_key_that_a_setting_gives_is_changed_in_two_steps(tmp_path: Path) -> None:
    """The command refuses and says them; after the restart it says that the old line may go."""
    home, old, new = tmp_path / "home", "A" * 43 + "=", "B" * 43 + "="
    with serving(home, TOCSIN_MASTER_KEY=old) as server:
        refused = server.cli("master-key", "rotate")
        assert refused.code == 1
        assert "comes from TOCSIN_MASTER_KEY" in refused.err
        assert "Put a new line in front" in refused.err
        assert server.cli("webhooks", "add", "pager", "https://pager.example/hook").code == 0
    with serving(home, TOCSIN_MASTER_KEY=f"{new} {old}") as server:
        listed = server.cli("master-key").out
        assert re.search(r"^[0-9a-f]{8} +5 +in use$", listed, re.MULTILINE)
        assert re.search(r"^[0-9a-f]{8} +0 +not needed any more", listed, re.MULTILINE)
    with serving(home, TOCSIN_MASTER_KEY=new) as server:
        assert "https://pager.example/hook" in server.cli("webhooks").out
    assert not (home / "tocsin.db.key").exists()


def test_a_lost_master_key_is_refused_and_there_is_a_way_on(tmp_path: Path) -> None:
    """The refusal names it; what was forgotten is said at the start, once."""
    home = tmp_path / "home"
    with serving(home) as server:
        assert server.cli("webhooks", "add", "pager", "https://pager.example/hook").code == 0
    (home / "tocsin.db.key").unlink()
    with pytest.raises(AssertionError, match=r"tocsin serve --forget-secrets"), serving(home):
        pass
    with serving(home, "--forget-secrets") as server:
        assert "Forgotten: the URLs and auth codes of pager." in server.introduction
        assert "https://forgotten.invalid/pager" in server.cli("webhooks").out
    with (
        pytest.raises(AssertionError, match="nothing to forget"),
        serving(home, "--forget-secrets"),
    ):
        pass
