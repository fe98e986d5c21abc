"""Invitations: a link that lets one person choose a password, once, for some time."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.configuration.editing import NOW, Alice
from tests.databases import until_somebody_waits
from tests.identity.people import BROWSER, accept, join, later, proven, who

from tocsin.actions.invitations import (
    ANYBODY,
    Acceptance,
    UserIsDisabled,
    accept_invitation,
    find_invitation,
    invite,
    invite_first_administrator,
)
from tocsin.actions.users import UserExists, UserNotFound, add_user, disable_user, list_users
from tocsin.domain.invitation import FIRST_LASTS, LASTS, Invitation, InvitationOver, invitation_url
from tocsin.domain.slug import InvalidSlug
from tocsin.domain.user import UserRole
from tocsin.secret import Secret
from tocsin.store.schema_identity import invitations


def seen(alice: Alice, token: Secret) -> Invitation:
    with alice.database.read() as tx:
        return find_invitation(tx, token, now=alice.editor.now)


def test_a_link_lets_its_user_choose_a_password_once(alice: Alice) -> None:
    """Looking at it uses nothing. Whoever used it is signed in."""
    alice.does(add_user, name="bob", role=UserRole.RESPONDER)
    made = alice.does(invite, "bob")
    assert seen(alice, made.token) == seen(alice, made.token) == made.invitation
    assert (made.invitation.user, made.invitation.expires_at) == ("bob", NOW + LASTS)
    session = accept(alice, made.token, "bob")
    found = who(alice, session.token)
    assert found
    assert found.user == session.user
    assert proven(alice, "bob").password_hash == "h(bob)"
    with pytest.raises(InvitationOver):
        seen(alice, made.token)
    with pytest.raises(InvitationOver):
        accept(alice, made.token, "bob")
    told = [(change.actor, change.action, change.object) for change in alice.changes()]
    assert told == [
        ("user:bob", "user.signed_in", "bob"),
        ("user:bob", "user.changed", "bob"),
        ("alice", "user.invited", "bob"),
        ("alice", "user.created", "bob"),
    ]


def test_the_first_administrator_chooses_a_name_too(alice: Alice) -> None:
    """Within the hour; a name that cannot be one uses nothing up."""
    made = alice.does(invite_first_administrator)
    assert made.invitation == Invitation(
        made.invitation.id, None, UserRole.ADMINISTRATOR, NOW, NOW + FIRST_LASTS
    )
    assert alice.changes()[0].object == ANYBODY
    with pytest.raises(InvalidSlug):
        accept(alice, made.token, "Alice Smith")
    session = accept(alice, made.token, "asmith")
    assert (session.user.name, session.user.role) == ("asmith", UserRole.ADMINISTRATOR)
    assert [change.actor for change in alice.changes()][:3] == ["user:asmith"] * 3


def test_the_first_link_makes_no_second_administrator(alice: Alice) -> None:
    """A log may hold it: once somebody administers, by whatever way, it does nothing any more."""
    made = alice.does(invite_first_administrator)
    join(alice, "bob", UserRole.ADMINISTRATOR)
    with pytest.raises(InvitationOver):
        accept(alice, made.token, "eve")


def test_a_name_that_is_taken_is_not_given_to_whoever_has_a_link(alice: Alice) -> None:
    """Or it would be a way to somebody else's account."""
    join(alice, "bob", UserRole.VIEWER)
    made = alice.does(invite_first_administrator)
    with pytest.raises(UserExists):
        accept(alice, made.token, "bob", password="h(stolen)")
    assert proven(alice, "bob").password_hash == "h(bob)"


def test_of_two_who_use_a_link_at_once_one_wins(alice: Alice) -> None:
    """The other one waits, and finds it used."""
    made = alice.does(invite_first_administrator)
    with ThreadPoolExecutor(1) as threads:
        with alice.database.write() as tx:
            accepted = Acceptance("anna", "h(anna)")
            accept_invitation(tx, made.token, accepted, client=BROWSER, editor=alice.editor)
            second = threads.submit(accept, alice, made.token, "bob")
            if not alice.database.is_sqlite:
                until_somebody_waits(alice.database)
        with pytest.raises(InvitationOver):
            second.result(timeout=20)
    with alice.database.read() as tx:
        assert [user.name for user in list_users(tx)] == ["anna"]


def test_a_link_ends_by_itself(alice: Alice) -> None:
    """And its row goes when the next is made."""
    first = alice.does(invite_first_administrator)
    alice.editor = later(alice, seconds=FIRST_LASTS.total_seconds())
    with pytest.raises(InvitationOver):
        seen(alice, first.token)
    with pytest.raises(InvitationOver):
        accept(alice, first.token, "bob")
    alice.does(add_user, name="bob", role=UserRole.VIEWER)
    alice.does(invite, "bob")
    with alice.database.read() as tx:
        assert len(tx.core.execute(invitations.select()).all()) == 1


def test_a_newer_link_takes_the_place_of_the_one_before(alice: Alice) -> None:
    """Of the same user; others' links stay."""
    for name in ("bob", "carol"):
        alice.does(add_user, name=name, role=UserRole.VIEWER)
    old, other, first = (
        alice.does(invite, "bob"),
        alice.does(invite, "carol"),
        alice.does(invite_first_administrator),
    )
    new = alice.does(invite, "bob")
    with pytest.raises(InvitationOver):
        seen(alice, old.token)
    for made in (new, other, first):
        assert seen(alice, made.token) == made.invitation


def test_whoever_forgot_the_password_gets_a_link(alice: Alice) -> None:
    """Until it is used nothing changes; then the sessions end. The time zone stays."""
    session = join(alice, "bob", UserRole.RESPONDER)
    made = alice.does(invite, "bob")
    assert who(alice, session.token)
    accepted = Acceptance("bob", "h(new)", time_zone="Europe/Oslo")
    again = alice.does(accept_invitation, made.token, accepted, client=BROWSER)
    assert who(alice, session.token) is None
    assert who(alice, again.token)
    assert again.user.time_zone == "UTC"


def test_whoever_joins_brings_a_time_zone(alice: Alice) -> None:
    """As the browser says it."""
    accepted = Acceptance("bob", "h(bob)", time_zone="Europe/Oslo")
    made = alice.does(invite_first_administrator)
    session = alice.does(accept_invitation, made.token, accepted, client=BROWSER)
    found = who(alice, session.token)
    assert found
    assert found.user.time_zone == "Europe/Oslo"


def test_a_disabled_user_gets_in_by_no_link(alice: Alice) -> None:
    """Neither by an old one nor by a new one."""
    alice.does(add_user, name="bob", role=UserRole.VIEWER)
    made = alice.does(invite, "bob")
    alice.does(disable_user, "bob")
    with pytest.raises(InvitationOver):
        accept(alice, made.token, "bob")
    with pytest.raises(UserIsDisabled, match="enable them first"):
        alice.does(invite, "bob")
    with pytest.raises(UserNotFound):
        alice.does(invite, "carol")


def test_an_invitation_is_kept_as_a_hash(alice: Alice) -> None:
    """Neither the rows nor the changes hold its token; the link does."""
    made = alice.does(invite_first_administrator)
    with alice.database.read() as tx:
        rows = tx.core.execute(invitations.select()).all()
    for told in (repr(rows), repr(alice.changes()), repr(made)):
        assert made.token.reveal()[8:] not in told
    url = invitation_url("https://tocsin.example", made.token)
    assert url == f"https://tocsin.example/welcome/{made.token.reveal()}"
