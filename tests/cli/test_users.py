"""`tocsin users`, and the links by which people get in."""

import re
from urllib.request import urlopen

import pytest
from tests.cli.conftest import Cli, Served


def test_the_first_start_prints_a_link_to_the_pages(served: Served) -> None:
    """Within the 15 lines; it opens, and says what it does."""
    (link,) = re.findall(
        r"^  (http://\S+/welcome/tsi_[\w-]{43})$", served.introduction, re.MULTILINE
    )
    with urlopen(link) as page:
        assert "Become administrator" in page.read().decode()


def test_a_user_is_invited_changed_and_let_in_no_more(cli: Cli) -> None:
    """Each answer says what is so now."""
    made = cli("users", "add", "ana", "--role", "responder")
    assert made.code == 0
    link = made.out.splitlines()[-1].strip()
    assert "ends in 3d" in made.out
    assert "/welcome/tsi_" in link
    assert re.search(r"^ana +responder +- +invited +never", cli("users").out, re.MULTILINE)
    assert link not in cli("users").out
    again = cli("users", "invite", "ana", "--json").json
    assert again["invitation_url"] != link
    assert cli("users", "change", "ana", "--role", "viewer").out == "ana is now viewer.\n"
    nothing = cli("users", "change", "ana", "--role", "viewer").out
    assert nothing == "Nothing changed: ana is now viewer.\n"
    assert cli("users", "disable", "ana").out == "ana is disabled.\n"
    assert re.search(r"^ana +viewer +- +disabled", cli("users").out, re.MULTILINE)
    assert cli("users", "enable", "ana").out == "ana may sign in.\n"
    assert "is deleted" in cli("users", "delete", "ana").out
    assert "Nobody can sign in yet" in cli("users").out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("add", "Ana", "--role", "viewer"), "cannot be a slug"),
        (("add", "eve", "--role", "team_administrator"), "Name the teams"),
        (("add", "eve", "--role", "team_administrator", "--team", "no"), "no team 'no'"),
        (("invite", "nobody"), "There is no user 'nobody'"),
        (("disable", "../tokens"), "is no name: it is a path"),
        (("delete", "nobody"), "There is no user"),
    ],
)
def test_what_cannot_be_is_refused(argv: tuple[str, ...], words: str, cli: Cli) -> None:
    """With exit code 1, and why."""
    done = cli("users", *argv)
    assert (done.code, done.out) == (1, "")
    assert words in done.err
