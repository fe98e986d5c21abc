"""A request with an Idempotency-Key is carried out once, and answered alike each time."""

from datetime import timedelta

import pytest
from tests.configuration.editing import NOW, Alice

from tocsin.actions.idempotency import IdempotencyKeyReused, InvalidIdempotencyKey, Repeatable, once
from tocsin.store.schema_configuration import idempotency as table


class Counting:
    """An action that tells how often it was done."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> tuple[int, str]:
        self.times += 1
        return 201, f'{{"token": "tsn_{self.times}"}}'


def ask(
    alice: Alice,
    act: Counting,
    *,
    key: str = "k",
    token_id: int = 1,
    request: bytes = b"POST /tokens {}",
    later: timedelta = timedelta(),
) -> tuple[int, str]:
    with alice.database.write() as tx:
        repeatable = Repeatable(token_id, key, request)
        return once(tx, repeatable, act, now=NOW + later, vault=alice.vault)


def test_a_repeat_gets_the_first_answer(alice: Alice) -> None:
    """And does nothing, for 24 hours."""
    act = Counting()
    first = ask(alice, act)
    assert ask(alice, act, later=timedelta(hours=24)) == first
    assert act.times == 1
    assert ask(alice, act, later=timedelta(hours=24, seconds=1)) != first
    assert act.times == 2


def test_keys_belong_to_a_token(alice: Alice) -> None:
    """Two clients that choose the same key do not meet."""
    act = Counting()
    assert ask(alice, act) != ask(alice, act, token_id=2) != ask(alice, act, key="other")


def test_a_key_with_another_request_is_refused(alice: Alice) -> None:
    """Answering it as the first one was answered would be a lie."""
    act = Counting()
    ask(alice, act)
    with pytest.raises(IdempotencyKeyReused):
        ask(alice, act, request=b"POST /tokens {1}")
    assert act.times == 1


def test_an_answer_that_shows_a_secret_is_sealed(alice: Alice) -> None:
    """A new token is in the answer, and must not lie in the database."""
    ask(alice, Counting())
    with alice.database.read() as tx:
        (row,) = tx.core.execute(table.select())
    assert b"tsn_" not in bytes(row.response)


def test_a_refusal_is_not_remembered(alice: Alice) -> None:
    """The client corrects what was wrong, and sends the same key."""

    def refuse() -> tuple[int, str]:
        raise InvalidIdempotencyKey("anything")

    with pytest.raises(InvalidIdempotencyKey, match="anything"), alice.database.write() as tx:
        once(tx, Repeatable(1, "k", b""), refuse, now=NOW, vault=alice.vault)
    assert ask(alice, Counting())[0] == 201


@pytest.mark.parametrize("key", ["", "a\nb", "x" * 256])
def test_what_cannot_be_a_key_is_refused(alice: Alice, key: str) -> None:
    """With the form that it takes."""
    with pytest.raises(InvalidIdempotencyKey):
        ask(alice, Counting(), key=key)
