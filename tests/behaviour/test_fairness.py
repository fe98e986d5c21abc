"""One dead and one slow webhook among many: the others are paged as if they were not there."""

from typing import Any

import pytest
import sqlalchemy as sa
from tests.behaviour.harness import Answer, Tocsin

pytestmark = pytest.mark.anyio

MANY = 40
HEALTHY = [f"well-{number}" for number in range(MANY)]


async def page_everybody(tocsin: Tocsin, *, times: int) -> None:
    """Each webhook has a key, a policy and a step, at once and ten seconds later."""
    names = [*HEALTHY, "dead", "slow"]
    steps = {name: [("0s", [name]), ("10s", [name])] for name in names}
    await tocsin.configure(steps, keys={name: [name] for name in names})
    for each in range(times):
        for name in ["dead", "slow"]:
            for copy in range(4):
                await tocsin.alert(entity_id=f"{name}-{each}-{copy}", key=name)
        await tocsin.advance(seconds=5)


async def healthy(tocsin: Tocsin, entity_id: str) -> list[Answer]:
    """Page every healthy webhook now, and again in ten seconds; return their deliveries."""
    for name in HEALTHY:
        await tocsin.alert(entity_id=f"{entity_id}-{name}", key=name)
    await tocsin.advance(seconds=10)
    found = []
    for name in HEALTHY:
        found += await tocsin.deliveries(webhook=name)
    return found


def waiting(tocsin: Tocsin, webhook: str) -> int:
    select = "SELECT count(*) FROM deliveries JOIN webhooks ON webhooks.id = webhook_id "
    ((count,),) = tocsin.rows(f"{select} WHERE state = 'pending' AND slug = :slug", slug=webhook)
    return int(count)


def late(delivery: Answer) -> Any:
    """Whether it was not delivered with one attempt that began when its step fired, on time."""
    (attempt,) = delivery["attempts"]
    planned = delivery["planned_at"]
    return (delivery["state"], delivery["created_at"], attempt["started_at"]) != (
        *("delivered", planned),
        planned,
    )


async def test_one_dead_and_one_slow_webhook_delay_no_other(tocsin: Tocsin) -> None:
    """Every page of forty others leaves at its planned instant, with a single attempt."""
    tocsin.receiver.answer("/dead", 0)
    tocsin.receiver.hold("/slow")
    await page_everybody(tocsin, times=5)
    assert waiting(tocsin, "dead") >= 20
    assert waiting(tocsin, "slow") >= 10
    found = await healthy(tocsin, "now")
    assert len(found) == 2 * MANY
    assert [each["id"] for each in found if late(each)] == []
    assert tocsin.receiver.held == 4


async def test_what_waits_for_the_dead_one_in_thousands_delays_no_other(tocsin: Tocsin) -> None:
    """Nor does it make the engine look through it: the probes go on, one at a time."""
    tocsin.receiver.answer("/dead", 0)
    await page_everybody(tocsin, times=4)
    for _ in range(3):  # until all its pages have had their first attempts
        await tocsin.advance(seconds=10)
    await tocsin.stop()
    multiply(tocsin, "dead", 3000)
    await tocsin.start()
    assert waiting(tocsin, "dead") > 3000
    before = tocsin.receiver.count("/dead")
    found = await healthy(tocsin, "now")
    assert len(found) == 2 * MANY
    assert [each["id"] for each in found if late(each)] == []
    assert tocsin.receiver.count("/dead") - before <= 3


def multiply(tocsin: Tocsin, webhook: str, copies: int) -> None:
    """Let many retries wait that are as one of a webhook's."""
    select = sa.text(
        "SELECT deliveries.* FROM deliveries JOIN webhooks ON webhooks.id = webhook_id "
        "WHERE slug = :slug AND due_at IS NOT NULL AND attempts > 0 AND hurried_at IS NULL LIMIT 1"
    )
    with tocsin.another_program() as other:
        row = dict(other.execute(select, {"slug": webhook}).mappings().one())
        places = ", ".join(f":{name}" for name in row)
        other.execute(
            sa.text(f"INSERT INTO deliveries ({', '.join(row)}) VALUES ({places})"),
            [row | {"id": each, "escalation": 100 + each} for each in range(1, copies)],
        )
