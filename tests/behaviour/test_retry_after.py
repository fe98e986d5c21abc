"""A receiver may ask for more time, within reason: a page cannot wait for long."""

from datetime import datetime

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio

AT_0301 = "Retry-After: Mon, 02 Nov 2026 03:01:00 GMT"


@pytest.mark.parametrize(
    ("headers", "shortest", "longest"),
    [
        ((), 1.6, 2.4),
        (("Retry-After: 1",), 1.6, 2.4),
        (("Retry-After: 40",), 40, 40),
        (("retry-after: 40", "Retry-After: 50"), 50, 50),
        ((AT_0301,), 50, 60),
        (("Retry-After: 86400",), 300, 300),
        (("Retry-After: -40",), 1.6, 2.4),
        (("Retry-After: when it rains",), 1.6, 2.4),
    ],
    ids=["none", "shorter", "longer", "several", "date", "too long", "negative", "nonsense"],
)
async def test_a_receiver_is_left_alone_for_as_long_as_it_asks_up_to_five_minutes(
    tocsin: Tocsin, headers: tuple[str, ...], shortest: float, longest: float
) -> None:
    """Never shorter than planned; what cannot be read asks for nothing."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.answer("/pager", 503, 200)
    tocsin.receiver.answer_with("/pager", *headers)
    await tocsin.alert()
    (delivery,) = await tocsin.deliveries()
    ended_at = datetime.fromisoformat(delivery["attempts"][0]["ended_at"])
    due_at = datetime.fromisoformat(delivery["due_at"])
    assert shortest <= (due_at - ended_at).total_seconds() <= longest
    await tocsin.advance(seconds=(due_at - tocsin.now).total_seconds() - 0.001)
    assert tocsin.receiver.count("/pager") == 1
    await tocsin.advance(seconds=0.001)
    assert tocsin.receiver.count("/pager") == 2
