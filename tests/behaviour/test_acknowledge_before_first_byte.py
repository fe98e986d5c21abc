"""An acknowledgement that comes between lease and first byte: the byte does not leave."""

import threading

import pytest
from tests.behaviour.harness import Tocsin, until

pytestmark = pytest.mark.anyio


async def test_no_byte_leaves_after_the_acknowledgement(
    tocsin: Tocsin, name_server: threading.Event
) -> None:
    """The attempt that had begun ends as cancelled, the delivery with it, and both are counted.

    Its reason is `stale_escalation`: what asked for it had been stopped.
    """
    url = f"http://localhost:{tocsin.receiver.port}/pager"
    await tocsin.configure({"main": [("0s", ["pager"])]}, webhooks={"pager": {"url": url}})
    answer = await tocsin.post_alert({"message_type": "CRITICAL", "entity_id": "disk"})
    assert answer.status_code == 200
    await until(lambda: tocsin.server.engine.courier.in_flight)
    (delivery,) = await tocsin.deliveries(state="sending")
    assert delivery["attempts"][0]["first_byte_at"] is None

    assert (await tocsin.ask("POST", "incidents/1/acknowledge")).is_success
    name_server.set()
    await tocsin.settle()

    assert not tocsin.receiver.requests
    assert not tocsin.server.engine.courier._cancelled  # what has ended is forgotten
    (delivery,) = await tocsin.deliveries()
    assert (delivery["state"], delivery["end_reason"]) == ("cancelled", "acknowledged")
    (attempt,) = delivery["attempts"]
    assert (attempt["outcome"], attempt["first_byte_at"]) == ("cancelled", None)
    shown = await tocsin.get(f"deliveries/{delivery['id']}")
    assert shown["attempts"][0]["reason"] == "stale_escalation"
    assert await tocsin.metric('tocsin_stale_total{reason="stale_escalation"}') == 1
    (acknowledged,) = await tocsin.entries(1, "acknowledged")
    assert acknowledged["detail"]["in_flight_at_acknowledge"] == 1
