"""Sessions: kept as hashes, ended by whatever narrows what somebody may do."""

from datetime import timedelta

import pytest
from tests.configuration.editing import NOW, Alice
from tests.identity.people import BROWSER, join, later, proven, sign_in, who

from tocsin.actions.sessions import (
    NewSession,
    SessionNotFound,
    SignInRefused,
    change_password,
    end_session,
    end_sessions,
    find_credentials,
    list_sessions,
    sign_out,
    touch,
)
from tocsin.actions.sessions import sign_in as sign_in_
from tocsin.actions.users import add_user, change_user, disable_user
from tocsin.domain.principal import Principal, Scope
from tocsin.domain.session import LASTS, LASTS_UNUSED, Session
from tocsin.domain.user import UserRole
from tocsin.secret import Secret
from tocsin.store.schema_identity import sessions


@pytest.fixture
def bob(alice: Alice) -> NewSession:
    """Bob, who has just joined."""
    return join(alice, "bob", UserRole.RESPONDER)


def listed(alice: Alice, session: NewSession) -> list[Session]:
    with alice.database.read() as tx:
        return list_sessions(tx, session.user, now=NOW)


def test_a_session_says_who_shows_it(alice: Alice, bob: NewSession) -> None:
    """And nobody else's text does."""
    found = who(alice, bob.token)
    assert found
    assert found.principal == Principal(bob.session.id, "bob", Scope.RESPOND, user="bob")
    assert (found.user, found.session_id) == (bob.user, bob.session.id)
    assert bob.user.signed_in_at == NOW
    for text in ("", "tss_" + "A" * 43, bob.token.reveal()[:-1], bob.token.reveal() + "\n"):
        assert who(alice, Secret(text)) is None


def test_a_session_is_kept_as_a_hash(alice: Alice, bob: NewSession) -> None:
    """Neither the rows, nor the list, nor the changes hold its token."""
    with alice.database.read() as tx:
        rows = tx.core.execute(sessions.select()).all()
    for told in (repr(rows), repr(listed(alice, bob)), repr(alice.changes()), repr(bob)):
        assert bob.token.reveal()[8:] not in told


def test_a_session_ends_unused_after_a_week(alice: Alice, bob: NewSession) -> None:
    """It is put on record that it is used, but not more often than needed."""
    found = who(alice, bob.token, minutes=4)
    assert found
    assert not found.needs_touch
    found = who(alice, bob.token, minutes=5)
    assert found
    assert found.needs_touch
    unused = LASTS_UNUSED.total_seconds()
    assert who(alice, bob.token, seconds=unused) is None
    with alice.database.write() as tx:
        touch(tx, bob.session.id, now=NOW + timedelta(days=1))
        touch(tx, bob.session.id, now=NOW)  # a clock that was set back
    assert who(alice, bob.token, seconds=unused)
    assert who(alice, bob.token, days=1, seconds=unused) is None


def test_a_session_ends_after_a_month_however_much_it_is_used(
    alice: Alice, bob: NewSession
) -> None:
    """Then its owner signs in again."""
    last = LASTS - timedelta(seconds=1)
    with alice.database.write() as tx:
        touch(tx, bob.session.id, now=NOW + last)
    assert who(alice, bob.token, seconds=last.total_seconds())
    assert who(alice, bob.token, seconds=LASTS.total_seconds()) is None


def test_what_has_ended_is_removed_at_the_next_sign_in(alice: Alice, bob: NewSession) -> None:
    """Whoever signs in: rows do not gather."""
    alice.editor = later(alice, days=8)
    join(alice, "carol", UserRole.VIEWER)
    with alice.database.read() as tx:
        assert [row.user_id == bob.user.id for row in tx.core.execute(sessions.select())] == [False]


def test_signing_in_makes_a_new_token_and_ends_the_one_that_the_browser_had(
    alice: Alice, bob: NewSession
) -> None:
    """Nobody can plant a token and wait. Other browsers stay signed in."""
    again = sign_in(alice, "bob")
    assert again.token != bob.token
    assert who(alice, bob.token)
    third = alice.does(sign_in_, proven(alice, "bob"), client=BROWSER, replaces=again.token)
    assert who(alice, again.token) is None
    assert {each.id for each in listed(alice, bob)} == {bob.session.id, third.session.id}
    change = alice.changes()[0]
    assert (change.action, change.actor) == ("user.signed_in", "user:bob")


def test_signing_out_ends_the_session(alice: Alice, bob: NewSession) -> None:
    """Twice does no harm."""
    for _ in range(2):
        with alice.database.write() as tx:
            sign_out(tx, bob.token, now=NOW)
        assert who(alice, bob.token) is None


def test_a_user_ends_sessions_of_their_own(alice: Alice, bob: NewSession) -> None:
    """One of them or all, and nobody else's."""
    other, carol = sign_in(alice, "bob"), join(alice, "carol", UserRole.VIEWER)
    assert listed(alice, bob)[0].client == BROWSER
    alice.does(end_session, bob.user, other.session.id)
    assert who(alice, other.token) is None
    for id_ in (other.session.id, carol.session.id):
        with pytest.raises(SessionNotFound):
            alice.does(end_session, bob.user, id_)
    assert alice.does(end_sessions, bob.user) == 1
    assert alice.does(end_sessions, bob.user) == 0
    assert who(alice, bob.token) is None
    assert who(alice, carol.token)


def test_another_password_ends_all_sessions(alice: Alice, bob: NewSession) -> None:
    """Whoever has proven the old one meanwhile comes too late."""
    before = proven(alice, "bob")
    alice.does(change_password, before, "h(new)")
    assert who(alice, bob.token) is None
    assert proven(alice, "bob").password_hash == "h(new)"
    change = alice.changes()[0]
    assert (change.action, change.secrets, change.after) == ("user.changed", ("password",), {})
    with pytest.raises(SignInRefused):
        alice.does(sign_in_, before, client=BROWSER)
    with pytest.raises(SignInRefused):
        alice.does(change_password, before, "h(newer)")


def test_the_same_password_lets_in_twice_at_once(alice: Alice, bob: NewSession) -> None:
    """As after a double click, or from two tabs; nor does another role, given meanwhile, make it a wrong one."""
    first, second = proven(alice, "bob"), proven(alice, "bob")
    with alice.database.write() as tx:
        sign_in_(tx, first, client=BROWSER, editor=later(alice, seconds=1))
    assert alice.does(sign_in_, second, client=BROWSER).user.role is UserRole.RESPONDER
    alice.does(change_user, "bob", role=UserRole.VIEWER, of_teams=())
    again = alice.does(sign_in_, second, client=BROWSER)
    assert again.user.role is UserRole.VIEWER
    assert who(alice, again.token)
    alice.does(change_password, second, "h(new)")
    assert proven(alice, "bob").password_hash == "h(new)"


def test_a_hash_of_old_parameters_is_replaced_at_a_sign_in(alice: Alice, bob: NewSession) -> None:
    """It is the same password, so nothing ends and nothing is told."""
    alice.does(sign_in_, proven(alice, "bob"), client=BROWSER, rehashed="h2(bob)")
    assert proven(alice, "bob").password_hash == "h2(bob)"
    assert who(alice, bob.token)
    assert alice.changes()[0].action == "user.signed_in"


def test_nobody_signs_in_without_a_password_or_disabled(alice: Alice, bob: NewSession) -> None:
    """As if there were no such user."""
    before = proven(alice, "bob")
    alice.does(disable_user, "bob")
    alice.does(add_user, name="carol", role=UserRole.VIEWER)
    with alice.database.read() as tx:
        assert [find_credentials(tx, name) for name in ("bob", "carol", "dave")] == [None] * 3
    with pytest.raises(SignInRefused):
        alice.does(sign_in_, before, client=BROWSER)


def test_what_a_browser_says_of_itself_is_cut(alice: Alice, bob: NewSession) -> None:
    """It may say anything."""
    loud = BROWSER.__class__("192.0.2.7", "Mozilla/5.0 " * 100)
    made = alice.does(sign_in_, proven(alice, "bob"), client=loud)
    assert len(made.session.client.agent) == 200
    assert made.session in listed(alice, bob)
