"""Users: who may sign in, and as what. The audit says who changed it."""

import pytest
from tests.actions.test_retention_costs import traced
from tests.configuration.editing import NOW, Alice
from tests.identity.people import join, who

from tocsin.actions.invitations import invite
from tocsin.actions.retention import horizon_of, remove_old
from tocsin.actions.teams import create_team, delete_team, update_team
from tocsin.actions.tokens import LastAdministrator
from tocsin.actions.users import (
    InvalidTimeZone,
    UnknownTeam,
    UserExists,
    UserIsKnown,
    UserNotFound,
    add_user,
    change_user,
    delete_user,
    disable_user,
    enable_user,
    has_administrator,
    list_users,
    list_users_after,
    set_time_zone,
    show_user,
)
from tocsin.domain.slug import InvalidSlug
from tocsin.domain.user import InvalidUserTeams, User, UserRole
from tocsin.store.retention.named import NAMED
from tocsin.store.schema_identity import user_teams, users

TEAM_ADMINISTRATOR = UserRole.TEAM_ADMINISTRATOR


def shown(alice: Alice, name: str) -> User:
    with alice.database.read() as tx:
        return show_user(tx, name)


def test_a_user_is_made_without_a_way_in(alice: Alice) -> None:
    """What they may do is on record; by a link they choose a password."""
    made = alice.does(add_user, name="bob", role=UserRole.RESPONDER)
    assert made == shown(alice, "bob") == User(made.id, "bob", UserRole.RESPONDER, NOW)
    (change,) = alice.changes()
    assert (change.action, change.object, change.after) == (
        "user.created",
        "bob",
        {"role": "responder"},
    )


def test_a_name_is_one_persons(alice: Alice) -> None:
    """Also of one who is disabled: timelines must not mean two people."""
    join(alice, "bob", UserRole.RESPONDER)
    alice.does(disable_user, "bob")
    with pytest.raises(UserExists):
        alice.does(add_user, name="bob", role=UserRole.VIEWER)
    with pytest.raises(InvalidSlug):
        alice.does(add_user, name="Bob Smith", role=UserRole.VIEWER)


def test_a_team_administrator_keeps_the_teams_when_they_are_renamed(alice: Alice) -> None:
    """And loses one that is deleted."""
    for name in ("db", "web"):
        alice.does(create_team, name=name)
    session = join(alice, "bob", TEAM_ADMINISTRATOR, "web", "db")
    found = who(alice, session.token)
    assert found
    assert found.principal.teams == {"db", "web"}
    assert found.user == session.user == shown(alice, "bob")
    alice.does(update_team, "db", new_slug="databases")
    alice.does(delete_team, "web")
    found = who(alice, session.token)
    assert found
    assert found.principal.teams == {"databases"}
    assert shown(alice, "bob").teams == ("databases",)
    alice.does(change_user, "bob", role=UserRole.RESPONDER)
    assert shown(alice, "bob").teams == ()


def test_teams_must_exist_and_go_with_the_role(alice: Alice) -> None:
    """Nothing is written of what is refused."""
    with pytest.raises(UnknownTeam, match="no team 'db'"):
        alice.does(add_user, name="bob", role=TEAM_ADMINISTRATOR, of_teams=["db"])
    with pytest.raises(InvalidUserTeams):
        alice.does(add_user, name="bob", role=TEAM_ADMINISTRATOR)
    with alice.database.read() as tx:
        assert list_users(tx) == []
    assert alice.changes() == []


def test_who_administered_a_team_goes_with_it(alice: Alice) -> None:
    """When the row of a team that was deleted long ago is removed."""
    alice.does(create_team, name="db")
    join(alice, "bob", TEAM_ADMINISTRATOR, "db")
    alice.does(delete_team, "db")
    part = next(part for part in NAMED if part.name == "teams")
    horizon = horizon_of(NOW.replace(year=2030), keep=NOW.replace(year=2028) - NOW)
    with alice.database.write() as tx:
        (lot,) = part.find(tx, horizon, None, 100).lots
        removed = remove_old(tx, part, horizon, lot)
        assert removed
        assert removed.rows == 2
        assert tx.core.execute(user_teams.select()).all() == []


def test_another_role_ends_the_sessions(alice: Alice) -> None:
    """The same role again ends nothing, and is no change."""
    join(alice, "root", UserRole.ADMINISTRATOR)
    session = join(alice, "bob", UserRole.ADMINISTRATOR)
    changes = len(alice.changes())
    alice.does(change_user, "bob", role=UserRole.ADMINISTRATOR)
    assert who(alice, session.token)
    assert len(alice.changes()) == changes
    alice.does(change_user, "bob", role=UserRole.VIEWER)
    assert who(alice, session.token) is None
    change = alice.changes()[0]
    assert (change.action, change.before, change.after) == (
        "user.changed",
        {"role": "administrator"},
        {"role": "viewer"},
    )


def test_the_last_administrator_who_can_sign_in_stays(alice: Alice) -> None:
    """One who was invited, but has not chosen a password yet, does not count."""
    with alice.database.read() as tx:
        assert not has_administrator(tx)
    join(alice, "root", UserRole.ADMINISTRATOR)
    alice.does(add_user, name="bob", role=UserRole.ADMINISTRATOR)
    with alice.database.read() as tx:
        assert has_administrator(tx)
    with pytest.raises(LastAdministrator):
        alice.does(change_user, "root", role=UserRole.VIEWER)
    with pytest.raises(LastAdministrator):
        alice.does(disable_user, "root")
    alice.does(disable_user, "bob")
    join(alice, "carol", UserRole.ADMINISTRATOR)
    alice.does(disable_user, "root")
    with pytest.raises(LastAdministrator):
        alice.does(disable_user, "carol")


def test_a_disabled_user_is_out_and_may_come_back(alice: Alice) -> None:
    """The sessions stay ended; the password is the old one. Doing so twice is no change."""
    session = join(alice, "bob", UserRole.RESPONDER)
    alice.does(disable_user, "bob")
    alice.does(disable_user, "bob")
    assert who(alice, session.token) is None
    assert shown(alice, "bob").disabled_at == NOW
    alice.does(enable_user, "bob")
    alice.does(enable_user, "bob")
    assert who(alice, session.token) is None
    assert shown(alice, "bob").has_password
    actions = [change.action for change in alice.changes()]
    assert [action for action in actions if action.endswith("abled")] == [
        "user.enabled",
        "user.disabled",
    ]


def test_only_a_user_who_never_signed_in_can_be_deleted(alice: Alice) -> None:
    """Of anybody else the audit and timelines tell."""
    join(alice, "bob", UserRole.RESPONDER)
    with pytest.raises(UserIsKnown, match="disable them instead"):
        alice.does(delete_user, "bob")
    alice.does(add_user, name="bbo", role=UserRole.RESPONDER)
    alice.does(invite, "bbo")
    alice.does(delete_user, "bbo")
    with pytest.raises(UserNotFound):
        shown(alice, "bbo")
    assert alice.changes()[0].action == "user.deleted"


def test_a_user_has_a_time_zone(alice: Alice) -> None:
    """One that this machine knows."""
    join(alice, "bob", UserRole.RESPONDER)
    alice.does(set_time_zone, "bob", "Europe/Oslo")
    assert shown(alice, "bob").time_zone == "Europe/Oslo"
    change = alice.changes()[0]
    assert (change.before, change.after) == ({"time_zone": "UTC"}, {"time_zone": "Europe/Oslo"})
    for wrong in ("", "Europe", "../etc/passwd", "Mars/Olympus", "UTC\x00", "x" * 5000, "\udc80"):
        with pytest.raises(InvalidTimeZone):
            alice.does(set_time_zone, "bob", wrong)


def test_users_are_listed_by_name_and_those_who_are_out_last(alice: Alice) -> None:
    """Nothing of a password is in the list, nor in the audit."""
    for name in ("carol", "bob", "anna"):
        join(alice, name, UserRole.RESPONDER)
    alice.does(disable_user, "anna")
    with alice.database.read() as tx:
        listed = list_users(tx)
        hashes = {row.password_hash for row in tx.core.execute(users.select())}
    assert [user.name for user in listed] == ["bob", "carol", "anna"]
    assert hashes == {"h(anna)", "h(bob)", "h(carol)"}
    assert "h(" not in repr(listed) + repr(alice.changes())


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_a_part_of_the_list_goes_on_where_the_one_before_ended(alice: Alice, limit: int) -> None:
    """Also from those who may sign in to those who are out; and from nobody on it begins anew."""
    alice.does(create_team, name="ops")
    for name in ("g", "f", "d", "c", "b", "a"):
        alice.does(add_user, name=name, role=UserRole.VIEWER)
    alice.does(add_user, name="e", role=TEAM_ADMINISTRATOR, of_teams=["ops"])
    for name in ("b", "d", "f"):
        alice.does(disable_user, name)
    with alice.database.read() as tx:
        found, last, is_out = list[User](), "", False
        while part := list_users_after(tx, last, was_disabled=is_out, limit=limit):
            assert len(part) <= limit
            found, last = [*found, *part], part[-1].name
            is_out = part[-1].disabled_at is not None
        assert found == list_users(tx)
        assert [user.name for user in found] == ["a", "c", "e", "g", "b", "d", "f"]
        for nobody in ("", "x", "B\x00"):
            for is_out in (False, True):
                part = list_users_after(tx, nobody, was_disabled=is_out, limit=limit)
                assert part == found[:limit]


def test_a_part_goes_on_where_somebody_was_who_is_elsewhere_by_now(alice: Alice) -> None:
    """Disabled between two parts, or enabled: nobody else is passed over."""
    for name in ("a", "b", "c", "d"):
        alice.does(add_user, name=name, role=UserRole.VIEWER)
    alice.does(disable_user, "b")
    alice.does(disable_user, "d")
    with alice.database.read() as tx:
        after_b = list_users_after(tx, "b", was_disabled=False, limit=9)
        after_a = list_users_after(tx, "a", was_disabled=True, limit=9)
    assert [user.name for user in after_b] == ["c", "b", "d"]
    assert [user.name for user in after_a] == ["b", "d"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_part_of_the_list_is_read_by_name_and_no_more(alice: Alice) -> None:
    """However many users there are: no statement walks all of them, or sorts."""
    alice.does(add_user, name="bob", role=UserRole.VIEWER)
    alice.does(disable_user, "bob")
    for after in ("", "bob"):
        with alice.database.read() as tx, traced(tx) as statements:
            list_users_after(tx, after, was_disabled=bool(after), limit=50)
        looks = [each for each in statements if each.startswith("SELECT") and "FROM users" in each]
        assert looks
        with alice.database.read() as tx:
            for look in looks:
                plan = " ".join(
                    row[-1] for row in tx.core.exec_driver_sql(f"EXPLAIN QUERY PLAN {look}")
                )
                assert "SEARCH users USING INDEX" in plan, plan
                assert "TEMP B-TREE" not in plan, plan
                assert "LIMIT" in look or "users.name =" in look
