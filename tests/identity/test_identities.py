"""Who a provider says that somebody is, and which user that is here."""

import pytest
from tests.configuration.editing import Alice
from tests.identity.people import BROWSER, join, who

from tocsin.actions.identities import (
    IdentityTaken,
    UnknownIdentity,
    is_linked,
    link_identity,
    sign_in_by_identity,
)
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
        assert (is_linked(tx, bob), is_linked(tx, eve)) == (True, False)
    assert come(alice, identity, role=None) == "bob"
    linked = [change for change in alice.changes() if change.action == "user.linked"]
    assert [change.after for change in linked] == [{"issuer": ISSUER, "subject": "1"}]


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
