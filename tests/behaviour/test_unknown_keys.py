"""An unknown, a revoked and a malformed key get one and the same answer."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.behaviour.harness import ALERT_PATH, Tocsin, until
from tests.by_hand import ByHand

pytestmark = pytest.mark.anyio

ALERT = {"message_type": "CRITICAL", "entity_id": "disk"}


async def test_every_bad_key_gets_the_same_404(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing in status, headers or body tells them apart, nor from a path that does not exist."""
    made = await tocsin.post("keys", name="nagios")
    assert (await tocsin.post_alert(ALERT, alert_key=made["key"])).status_code == 200
    await tocsin.call("DELETE", "keys/nagios")

    caplog.set_level(logging.INFO, logger="tocsin")
    answers = [
        await tocsin.post_alert(ALERT, alert_key=key)
        for key in (made["key"], "00000000-0000-4000-8000-000000000000", "%00%ff", "x" * 3000)
    ]
    answers.append(await tocsin.http.post(f"{ALERT_PATH}/", json=ALERT))
    answers.append(await tocsin.http.post("/integrations/generic/20000101/alert/x/y", json=ALERT))
    seen = {
        (answer.status_code, answer.content, tuple(sorted(set(answer.headers) - {"date"})))
        for answer in answers
    }
    assert len(seen) == 1
    assert answers[0].status_code == 404
    assert answers[0].content == b""
    assert made["key"] not in caplog.text
    assert len((await tocsin.get("alerts"))["items"]) == 1


async def test_each_key_is_revoked_alone(tocsin: Tocsin) -> None:
    """The others go on; and a key that a file gives is in force at once."""
    await tocsin.apply('alert_keys: {old: {key: "0b8f6a52-3c1d-4e7f"}}')
    assert (await tocsin.post_alert(ALERT, alert_key="0b8f6a52-3c1d-4e7f")).status_code == 200
    await tocsin.call("DELETE", "keys/old")
    assert (await tocsin.post_alert(ALERT, alert_key="0b8f6a52-3c1d-4e7f")).status_code == 404
    assert (await tocsin.post_alert(ALERT)).status_code == 200


async def test_a_revoked_key_lets_nobody_in_from_the_commit_on(tocsin: Tocsin) -> None:
    """Also while its revoker waits for the answer."""
    made = await tocsin.post("keys", name="nagios")
    hand = ByHand()
    asyncio.get_running_loop().set_default_executor(hand)
    revoking = asyncio.create_task(tocsin.ask("DELETE", "keys/nagios"))
    await until(
        lambda: hand.given
    )  # the commit is on disk, and the keys are about to be read again
    assert (await tocsin.post_alert(ALERT, alert_key=made["key"])).status_code == 404
    assert not revoking.done()

    ((future, look),) = hand.given
    future.set_result(look())
    assert (await revoking).status_code == 204
    assert (await tocsin.post_alert(ALERT)).status_code == 200
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
