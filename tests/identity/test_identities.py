"""Who a provider says that somebody is, and which user that is here."""

from typing import Any

import pytest
from tests.configuration.editing import Alice
from tests.identity.people import BROWSER, accept, join, sign_in, who

from tocsin.actions.identities import (
    IdentityNotFound,
    IdentityTaken,
    LastWayIn,
    UnknownIdentity,
    link_identity,
    list_identities,
    sign_in_by_identity,
    unlink_identity,
)
from tocsin.actions.invitations import invite
from tocsin.actions.users import disable_user, has_administrator, list_users
from tocsin.domain.single_sign_on import Identity
from tocsin.domain.user import UserRole

ISSUER = "https://login.example"
RESPONDER = UserRole.RESPONDER


def come(alice: Alice, identity: Identity, role: UserRole | None = RESPONDER) -> str:
    """Sign in by an identity; return the user's name."""
    session = alice.does(sign_in_by_identity, identity, newcomers=role, client=BROWSER)
    found = who(alice, session.token)
    assert found
    assert found.user == session.user
    return str(session.user.name)


def test_issuer_and_subject_say_who_somebody_is(alice: Alice) -> None:
    """Not the name: two may have the same, and one may change."""
    assert come(alice, Identity(ISSUER, "1", "Ana Müller")) == "ana-muller"
    assert come(alice, Identity(ISSUER, "2", "Ana Müller")) == "ana-muller-2"
    assert come(alice, Identity("https://other.example", "1", "Ana Müller")) == "ana-muller-3"
    assert come(alice, Identity(ISSUER, "1", "Ana Smith")) == "ana-muller"
    long = "w" * 200
    assert come(alice, Identity(ISSUER, "3", long)) == "w" * 64
    assert come(alice, Identity(ISSUER, "4", long)) == "w" * 56 + "-2"
    actors = {change.actor for change in alice.changes()}
    assert "user:ana-muller-2" in actors


def test_a_newcomer_needs_a_role(alice: Alice) -> None:
    """Without one nobody is made."""
    with pytest.raises(UnknownIdentity):
        come(alice, Identity(ISSUER, "1", "ana"), role=None)
    with alice.database.read() as tx:
        assert list_users(tx) == []


def test_a_name_that_is_taken_does_not_let_in(alice: Alice) -> None:
    """Whoever is called alike at the provider is somebody else here."""
    join(alice, "ana", UserRole.ADMINISTRATOR)
    assert come(alice, Identity(ISSUER, "1", "ana")) == "ana-2"


def test_a_user_is_linked_by_themselves(alice: Alice) -> None:
    """Once; what one is linked to nobody else can be."""
    bob, eve = (join(alice, name, RESPONDER).user for name in ("bob", "eve"))
    identity = Identity(ISSUER, "1", "robert")
    assert alice.does(link_identity, bob, identity)
    assert not alice.does(link_identity, bob, identity)
    with pytest.raises(IdentityTaken):
        alice.does(link_identity, eve, identity)
    with alice.database.read() as tx:
        assert [len(list_identities(tx, each)) for each in (bob, eve)] == [1, 0]
    assert come(alice, identity, role=None) == "bob"
    linked = [change for change in alice.changes() if change.action == "user.linked"]
    assert [change.after for change in linked] == [{"issuer": ISSUER, "subject": "1"}]


def unlink(alice: Alice, name: str, subject: str, **words: Any) -> None:
    alice.does(unlink_identity, name, issuer=ISSUER, subject=subject, trusted=ISSUER, **words)


def test_who_is_unlinked_signs_in_that_way_no_more(alice: Alice) -> None:
    """Sessions end, which it may have begun, but the one in which it is done; the audit says which identity it was."""
    here, there = join(alice, "bob", RESPONDER), sign_in(alice, "bob")
    identity = Identity(ISSUER, "1", "robert")
    alice.does(link_identity, here.user, identity)
    for wrong in (("bob", "2"), ("bob", "\x00")):
        with pytest.raises(IdentityNotFound):
            unlink(alice, *wrong)
    join(alice, "eve", RESPONDER)
    with pytest.raises(IdentityNotFound):
        unlink(alice, "eve", "1")
    unlink(alice, "bob", "1", session=here.session.id)
    assert (bool(who(alice, here.token)), bool(who(alice, there.token))) == (True, False)
    with pytest.raises(UnknownIdentity):
        come(alice, identity, role=None)
    (change,) = (each for each in alice.changes() if each.action == "user.unlinked")
    assert (change.object, change.before) == ("bob", {"issuer": ISSUER, "subject": "1"})
    alice.does(link_identity, here.user, identity)
    unlink(alice, "bob", "1")
    assert who(alice, here.token) is None


def test_nobody_is_left_without_a_way_to_sign_in(alice: Alice) -> None:
    """A password is one, and another identity at the provider that is trusted; not one at another."""
    identity, other = Identity(ISSUER, "1", "ana"), Identity("https://old.example", "1", "ana")
    come(alice, identity)
    with alice.database.read() as tx:
        (ana,) = list_users(tx)
    alice.does(link_identity, ana, other)
    with pytest.raises(LastWayIn, match="by a link that an administrator makes"):
        unlink(alice, "ana", "1")
    assert come(alice, identity, role=None) == "ana"
    alice.does(link_identity, ana, Identity(ISSUER, "2", "ana"))
    unlink(alice, "ana", "1")
    accept(alice, alice.does(invite, "ana").token, "ana")
    unlink(alice, "ana", "2")


def test_whoever_is_disabled_stays_out(alice: Alice) -> None:
    """Whatever the provider says."""
    identity = Identity(ISSUER, "1", "ana")
    come(alice, identity)
    alice.does(disable_user, "ana")
    with pytest.raises(UnknownIdentity, match="disabled"):
        come(alice, identity)


def test_an_administrator_by_a_provider_counts(alice: Alice) -> None:
    """They can sign in, so a server has one."""
    come(alice, Identity(ISSUER, "1", "ana"), role=UserRole.ADMINISTRATOR)
    with alice.database.read() as tx:
        assert has_administrator(tx)


def test_the_browsers_former_session_ends(alice: Alice) -> None:
    """As at any sign-in."""
    before = join(alice, "bob", RESPONDER)
    identity = Identity(ISSUER, "1", "ana")
    alice.does(
        sign_in_by_identity,
        identity,
        newcomers=RESPONDER,
        client=BROWSER,
        replaces=before.token,
    )
    assert who(alice, before.token) is None
