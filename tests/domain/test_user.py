"""Who a user is, which passwords are taken, and what a session's forms repeat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.actor import actor_of_alert, name_of_actor
from tocsin.domain.invitation import InvitationOver, invitation_hash, make_invitation_token
from tocsin.domain.principal import Principal, Scope
from tocsin.domain.session import (
    Client,
    csrf_token,
    is_csrf_token,
    make_session_token,
    session_hash,
)
from tocsin.domain.user import (
    InvalidPassword,
    InvalidUserTeams,
    UnknownUserRole,
    UserRole,
    check_password,
    check_teams,
    parse_user_role,
    password_bytes,
)
from tocsin.secret import Secret

SECRETS = st.binary(min_size=32, max_size=32)


def test_each_role_has_a_scope() -> None:
    """A team administrator responds; what more they may do depends on the team."""
    assert {role.value: role.scope.value for role in UserRole} == {
        "viewer": "read",
        "responder": "respond",
        "team_administrator": "respond",
        "administrator": "administer",
    }
    assert parse_user_role("viewer") is UserRole.VIEWER
    with pytest.raises(UnknownUserRole, match="viewer, responder"):
        parse_user_role("root")


def test_only_a_team_administrator_has_teams() -> None:
    """And has at least one."""
    assert check_teams(UserRole.TEAM_ADMINISTRATOR, ["web", "db", "web"]) == ("db", "web")
    assert check_teams(UserRole.VIEWER, []) == ()
    for role, teams in ((UserRole.TEAM_ADMINISTRATOR, []), (UserRole.ADMINISTRATOR, ["db"])):
        with pytest.raises(InvalidUserTeams):
            check_teams(role, teams)


def test_who_administers_a_team() -> None:
    """Whoever administers everything, and whoever administers that team."""
    assert Principal(1, "alice", Scope.ADMINISTER, user="alice").may_administer("db")
    of_db = Principal(1, "bob", Scope.RESPOND, user="bob", teams=frozenset({"db"}))
    assert of_db.may_administer("db")
    assert not of_db.may_administer("web")
    assert not Principal(1, "carol", Scope.RESPOND).may_administer("db")


def test_a_person_is_named_as_one() -> None:
    """By a session and by a token of theirs alike; an alert cannot pass for them."""
    assert Principal(1, "alice/laptop", Scope.READ, user="alice").actor == "user:alice"
    assert Principal(1, "laptop", Scope.READ).actor == "token:laptop"
    assert name_of_actor("user:alice") == "alice"
    assert actor_of_alert("user:alice") == "alert:user:alice"


@pytest.mark.parametrize(
    "password",
    [
        "elevenchars",
        "x" * 201,
        "a" * 12,
        "abcabcabcabc",
        "aliceALICEalice",
        "alice-alice-alice",
    ],
)
def test_a_password_that_is_guessed_at_once_is_refused(password: str) -> None:
    """Too short, too long, the name, or a few characters again and again."""
    with pytest.raises(InvalidPassword, match="Choose"):
        check_password(password, name="alice")


@pytest.mark.parametrize("password", ["twelve chars", "correct horse battery", "пароль для входа"])
def test_any_other_password_is_taken(password: str) -> None:
    """Nothing is asked of its characters."""
    check_password(password, name="alice")


@given(st.text())
def test_any_text_can_be_hashed_and_accents_are_alike(text: str) -> None:
    """However a keyboard writes them, and whatever a form brings."""
    assert isinstance(password_bytes(text), bytes)
    assert password_bytes("cafe\u0301") == password_bytes("caf\u00e9")


@given(SECRETS)
def test_every_token_that_is_made_is_understood(random_bytes: bytes) -> None:
    """All 256 bits survive, and nothing less is padded."""
    session, invitation = make_session_token(random_bytes), make_invitation_token(random_bytes)
    hashes = {session_hash(session), invitation_hash(invitation)}
    assert len(hashes) == 2
    assert all(each and len(each) == 32 for each in hashes)
    for make in (make_session_token, make_invitation_token):
        with pytest.raises(ValueError, match="32 random bytes"):
            make(random_bytes[1:])


@given(st.text())
def test_no_other_text_is_a_token(text: str) -> None:
    """Whatever a cookie or a URL brings."""
    assert session_hash(Secret(text)) is None
    with pytest.raises(InvitationOver):
        invitation_hash(Secret(text))


@given(SECRETS, SECRETS)
def test_a_form_repeats_what_its_own_session_gave(one: bytes, other: bytes) -> None:
    """What another session gave does not count, and neither gives its token away."""
    mine, theirs = make_session_token(one), make_session_token(other)
    assert is_csrf_token(mine, csrf_token(mine))
    assert is_csrf_token(mine, csrf_token(theirs)) == (one == other)
    assert csrf_token(mine) not in mine.reveal()


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    """Whatever a form brings: nothing, letters that are not ASCII, half of a surrogate pair."""
    assert not is_csrf_token(make_session_token(bytes(32)), text)
    assert not is_csrf_token(make_session_token(bytes(32)), "\udc80")


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0 Safari/537.36 Edg/131.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15) Chrome/131.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("curl/8.5", "curl"),
        ("", "an unknown browser"),
        ("w" * 100, "w" * 40),
    ],
)
def test_a_browser_is_named_as_people_name_it(agent: str, words: str) -> None:
    """Most say that they are others, too."""
    assert Client("192.0.2.7", agent).words == words
