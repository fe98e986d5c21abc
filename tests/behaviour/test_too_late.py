"""What comes too late does nothing, and is counted with its reason: as if there were another node."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.behaviour.harness import Tocsin, until

from tocsin.actions.deliver import take_over
from tocsin.store.database import Tx
from tocsin.store.escalations import Due, claim_due
from tocsin.store.runs import end_other_runs

pytestmark = pytest.mark.anyio

ANOTHER_RUN = 1


async def test_a_step_that_somebody_else_fired_does_nothing(
    tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is claimed a second time, together with one that is really due: only that one fires."""
    seen: list[Due] = []

    def claim_again(tx: Tx, *args: Any, **facts: Any) -> Sequence[Due]:
        claimed = claim_due(tx, *args, **facts)
        again = seen[:1] if claimed else []
        seen.extend(claimed)
        return [*again, *claimed]

    monkeypatch.setattr("tocsin.actions.escalate.claim_due", claim_again)
    await tocsin.configure({"main": [("0s", ["pager"]), ("1h", ["boss"])]})
    await tocsin.alert(entity_id="disk")
    before = await tocsin.incident(1)
    await tocsin.alert(entity_id="cpu")

    assert tocsin.called_about("disk") == ["/pager"]
    assert tocsin.called_about("cpu") == ["/pager"]
    assert await tocsin.incident(1) == before
    assert await tocsin.metric('tocsin_stale_total{reason="stale_escalation"}') == 1
    assert await tocsin.metric("tocsin_step_lateness_seconds_count") == 2
    assert await tocsin.metric('tocsin_poison_total{pipeline="escalate"}') == 0


async def test_an_outcome_whose_attempt_somebody_else_closed_does_nothing(tocsin: Tocsin) -> None:
    """The delivery was taken over and is sent again; what the first attempt brings changes nothing."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.hold("/pager")
    tocsin.receiver.answer("/pager", 410)
    await tocsin.alert()
    with tocsin.server.store.database.write() as tx:
        end_other_runs(tx, id_=ANOTHER_RUN, now=tocsin.now)
        take_over(tx, tocsin.now, run_id=ANOTHER_RUN, limit=10)
    tocsin.receiver.let_go("/pager")
    await until(lambda: not tocsin.server.engine.courier.in_flight)

    (delivery,) = await tocsin.deliveries()
    assert (delivery["state"], delivery["end_reason"]) == ("pending", None)
    assert [each["outcome"] for each in delivery["attempts"]] == ["unknown"]
    assert await tocsin.metric('tocsin_stale_total{reason="stale_lease"}') == 1
