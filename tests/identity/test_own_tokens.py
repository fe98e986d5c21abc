"""Tokens that a user makes: never for more than the user's role is, and gone with the user."""

import pytest
from tests.configuration.editing import Alice
from tests.identity.people import join

from tocsin.actions.teams import create_team
from tocsin.actions.tokens import (
    LastAdministrator,
    TokenExists,
    authenticate,
    create_token,
    create_token_of,
    list_tokens_of,
    revoke_token,
)
from tocsin.actions.users import change_user, disable_user, enable_user
from tocsin.domain.principal import NotAuthenticated, Principal, Scope, ScopeTooNarrow
from tocsin.domain.user import UserRole
from tocsin.secret import Secret


def who(alice: Alice, token: Secret) -> Principal:
    with alice.database.read() as tx:
        return authenticate(tx, token.reveal())


def test_a_token_of_a_user_acts_as_the_user(alice: Alice) -> None:
    """Two users may give theirs the same name."""
    for name in ("bob", "carol"):
        user = join(alice, name, UserRole.RESPONDER).user
        made = alice.does(create_token_of, user, name="laptop", scope=Scope.READ)
        found = who(alice, made.secret)
        assert found == Principal(made.token.id, f"{name}/laptop", Scope.READ, user=name)
        assert found.actor == f"user:{name}"
        with alice.database.read() as tx:
            assert list_tokens_of(tx, name) == [made.token]
        with pytest.raises(TokenExists):
            alice.does(create_token_of, user, name="laptop", scope=Scope.READ)


def test_a_token_is_never_for_more_than_its_users_role(alice: Alice) -> None:
    """Not when it is made, and not when the role becomes less later."""
    join(alice, "root", UserRole.ADMINISTRATOR)
    user = join(alice, "bob", UserRole.ADMINISTRATOR).user
    made = alice.does(create_token_of, user, name="laptop", scope=Scope.ADMINISTER)
    assert who(alice, made.secret).scope is Scope.ADMINISTER
    viewer = alice.does(change_user, "bob", role=UserRole.VIEWER)
    assert who(alice, made.secret).scope is Scope.READ
    with pytest.raises(ScopeTooNarrow):
        alice.does(create_token_of, viewer, name="other", scope=Scope.RESPOND)


def test_a_team_administrators_token_administers_the_teams(alice: Alice) -> None:
    """Unless it is only for reading."""
    for name in ("db", "web"):
        alice.does(create_team, name=name)
    user = join(alice, "bob", UserRole.TEAM_ADMINISTRATOR, "db", "web").user
    wide = alice.does(create_token_of, user, name="wide", scope=Scope.RESPOND)
    narrow = alice.does(create_token_of, user, name="narrow", scope=Scope.READ)
    assert who(alice, wide.secret).teams == {"db", "web"}
    assert who(alice, narrow.secret).teams == frozenset()


def test_a_users_tokens_end_with_the_user(alice: Alice) -> None:
    """For good: who comes back makes new ones."""
    user = join(alice, "bob", UserRole.RESPONDER).user
    made = alice.does(create_token_of, user, name="laptop", scope=Scope.READ)
    alice.does(disable_user, "bob")
    for _ in range(2):
        with pytest.raises(NotAuthenticated):
            who(alice, made.secret)
        alice.does(enable_user, "bob")
    told = {(change.action, change.object) for change in alice.changes()}
    assert ("token.revoked", "bob/laptop") in told


def test_a_users_token_does_not_count_as_the_last_that_administers(alice: Alice) -> None:
    """It may end any day, with its user; and it can be revoked itself."""
    user = join(alice, "bob", UserRole.ADMINISTRATOR).user
    alice.does(create_token, name="local", scope=Scope.ADMINISTER)
    alice.does(create_token_of, user, name="laptop", scope=Scope.ADMINISTER)
    with pytest.raises(LastAdministrator):
        alice.does(revoke_token, "local")
    alice.does(revoke_token, "bob/laptop")
