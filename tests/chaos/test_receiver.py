"""The receivers of a chaos run: they believe nothing that is not signed, and report before they answer."""

import asyncio
import random
from collections.abc import Callable

import pytest
from tests.chaos.signed import CODE, send

from tocsin.chaos.ledger import REFUSED, UNANSWERED, Arrival
from tocsin.chaos.receiver import Instructions, Manners, Receiver
from tocsin.clock import SystemClock


async def _answer(manners: Manners, tell: Callable[[Arrival], None], code: str) -> bytes:
    receiver = Receiver(CODE, manners, randomness=random.Random(1), clock=SystemClock(), tell=tell)
    await receiver.start()
    try:
        # Whoever is left without an answer gives up one day.
        return await send(receiver.port, code=code, gives_up=bool(manners.hangs))
    finally:
        receiver.stop()


def answer(manners: Manners, *, code: str = CODE) -> tuple[bytes, list[Arrival]]:
    told: list[Arrival] = []
    return asyncio.run(_answer(manners, told.append, code)), told


@pytest.mark.parametrize(
    ("manners", "beginning", "status"),
    [
        (Manners(), b"HTTP/1.1 200 ", 200),
        (Manners(closes=1.0), b"HTTP/1.1 200 Chaos\r\nConnection: close\r\n", 200),
        (Manners(fails=1.0), b"HTTP/1.1 500 ", 500),
        (Manners(hangs=1.0), b"", UNANSWERED),
        (Manners(hangs_up=1.0), b"", UNANSWERED),
    ],
)
def test_it_answers_as_it_was_told(manners: Manners, beginning: bytes, status: int) -> None:
    """And reports what came, and what it is about to answer."""
    answered, told = answer(manners)
    assert answered.startswith(beginning)
    assert bool(answered) == bool(beginning)
    assert [each._replace(at=0.0) for each in told] == [
        Arrival("dlv_1", 7, "disk", "/0/1", 0.0, status)
    ]


def test_it_believes_nothing_that_is_not_signed() -> None:
    """A wrong signature is answered 401, and reported."""
    answered, told = answer(Manners(), code="another-auth-code-1234")
    assert answered.startswith(b"HTTP/1.1 401 ")
    assert [each.status for each in told] == [REFUSED]


def test_what_it_is_told_survives_a_pipe() -> None:
    """Its instructions are one line."""
    told = Instructions(7, CODE, 3, Manners(fails=0.5))
    assert told.line().count("\n") == 1
    assert Instructions.read(told.line()) == told
