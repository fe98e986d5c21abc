"""What goes wrong with paging is in the log, one line for each happening, with what to ask `why` about."""

import logging
from typing import Any

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


def logged(caplog: pytest.LogCaptureFixture, event: str) -> list[Any]:
    return [each for each in caplog.records if each.message == event]


async def test_every_attempt_that_fails_is_a_line_and_the_end_of_a_delivery_another(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither what was taken nor a secret is in it."""
    await tocsin.configure({"main": [("0s", ["pager", "phone"])]})
    tocsin.receiver.answer("/pager", 500, 410)
    await tocsin.alert()
    await tocsin.advance(seconds=3)
    pager = next(each for each in await tocsin.deliveries() if each["webhook"] == "pager")

    lines = logged(caplog, "attempt.failed")
    assert [
        (each.levelno, each.webhook, each.incident, each.delivery, each.attempt, each.outcome)
        for each in lines
    ] == [
        (logging.WARNING, "pager", 1, pager["id"], 1, "rejected"),
        (logging.WARNING, "pager", 1, pager["id"], 2, "gone"),
    ]
    assert [each.status for each in lines] == [500, 410]
    (ended,) = logged(caplog, "delivery.failed")
    assert (ended.levelno, ended.delivery, ended.attempt) == (logging.ERROR, pager["id"], 2)
    assert tocsin.receiver.auth_code not in caplog.text


async def test_an_incident_that_pages_nobody_is_a_line(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """When nothing could start, and when the last step has fired."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert(entity_id="heard")
    await tocsin.alert(entity_id="lost", key="unheard-of")
    lines = logged(caplog, "incident.nobody_left")
    assert [(each.levelno, each.incident) for each in lines] == [
        (logging.WARNING, 1),
        (logging.WARNING, 2),
    ]
