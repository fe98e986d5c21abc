"""Tokens: shown once, kept as hashes, each with a scope that includes the smaller ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.configuration.editing import Alice

from tocsin.actions.tokens import (
    LastAdministrator,
    TokenExists,
    TokenNotFound,
    authenticate,
    create_token,
    list_tokens,
    revoke_token,
)
from tocsin.domain.principal import (
    NotAuthenticated,
    Principal,
    Scope,
    ScopeTooNarrow,
    make_token,
    token_hash,
)
from tocsin.store.schema_configuration import tokens as table


def who(alice: Alice, text: str) -> Principal:
    with alice.database.read() as tx:
        return authenticate(tx, text)


def test_a_token_says_who_asks_and_what_for(alice: Alice) -> None:
    """Until it is revoked."""
    made = alice.does(create_token, name="laptop", scope=Scope.RESPOND)
    text = made.secret.reveal()
    assert text.startswith("tsn_")
    assert who(alice, text) == Principal(made.token.id, "laptop", Scope.RESPOND)
    alice.does(revoke_token, "laptop")
    with pytest.raises(NotAuthenticated):
        who(alice, text)


def test_a_token_is_kept_as_a_hash(alice: Alice) -> None:
    """Neither the rows, nor the list, nor the changes hold it."""
    made = alice.does(create_token, name="laptop", scope=Scope.READ)
    with alice.database.read() as tx:
        (row,) = tx.core.execute(table.select())
        (listed,) = list_tokens(tx)
    assert listed == made.token
    for told in (repr(row), repr(listed), repr(alice.changes()), repr(made)):
        assert made.secret.reveal()[8:] not in told


@pytest.mark.parametrize("text", ["", "tsn_", "tsn_" + "A" * 43, "x" * 47, "tsn_" + "é" * 43])
def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(alice: Alice, text: str) -> None:
    """Nobody learns whether a token exists, was revoked or is only malformed."""
    with pytest.raises(NotAuthenticated) as refused:
        who(alice, text)
    assert refused.value.fields == {}
    assert refused.value.message.startswith("Send a token that is in force")


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("needed", Scope)
def test_a_scope_includes_the_smaller_ones(scope: Scope, needed: Scope) -> None:
    """read < respond < administer."""
    principal = Principal(1, "laptop", scope)
    if list(Scope).index(scope) >= list(Scope).index(needed):
        principal.require(needed)
    else:
        with pytest.raises(ScopeTooNarrow, match=f"the scope {needed}"):
            principal.require(needed)


def test_two_tokens_in_force_have_two_names(alice: Alice) -> None:
    """A revoked one's name is free again."""
    alice.does(create_token, name="laptop", scope=Scope.READ)
    with pytest.raises(TokenExists):
        alice.does(create_token, name="laptop", scope=Scope.READ)
    alice.does(revoke_token, "laptop")
    with pytest.raises(TokenNotFound):
        alice.does(revoke_token, "laptop")
    alice.does(create_token, name="laptop", scope=Scope.READ)
    with alice.database.read() as tx:
        assert [token.revoked_at is None for token in list_tokens(tx)] == [True, False]


def test_the_last_token_that_administers_stays(alice: Alice) -> None:
    """Nobody can lock everybody out."""
    alice.does(create_token, name="first", scope=Scope.ADMINISTER)
    alice.does(create_token, name="reader", scope=Scope.READ)
    with pytest.raises(LastAdministrator):
        alice.does(revoke_token, "first")
    alice.does(create_token, name="second", scope=Scope.ADMINISTER)
    alice.does(revoke_token, "first")


def test_a_token_is_never_made_of_less_than_it_promises() -> None:
    """A short read of randomness is refused, not padded."""
    with pytest.raises(ValueError, match="32 random bytes"):
        make_token(b"short")


@given(st.binary(min_size=32, max_size=32))
def test_every_token_that_is_made_is_understood(random_bytes: bytes) -> None:
    """All 256 bits survive."""
    text = make_token(random_bytes).reveal()
    assert len(token_hash(text)) == 32
    assert len(text) == 47
