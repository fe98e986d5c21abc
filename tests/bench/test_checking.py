"""A benchmark that lost something ends with what it lost, and not with a figure."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from bench.checking import check_alerts, check_deliveries, verify_sample
from bench.filling import AUTH_CODE
from bench.http_framing import Messages
from bench.stepping import Lateness
from hypothesis import given
from hypothesis import strategies as st

from bench import hostile
from tocsin.domain.payload import encode_form
from tocsin.store.database import Database
from tocsin.store.migrate import migrate
from tocsin_receiver import BadSignature, sign
from tocsin_receiver.fields import decode_form

PATH = "/hooks/7"
HOST = "127.0.0.1:8099"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database in which nothing has happened."""
    made = Database(f"sqlite:///{tmp_path / 'bench.db'}")
    with made.write() as tx:
        migrate(tx)
    return made


def test_an_alert_that_is_not_there_ends_the_run(database: Database) -> None:
    """Alerts that were answered and are not on disk are named, and there is no figure."""
    check_alerts(database, accepted=0, backlog=0)
    with pytest.raises(SystemExit, match="'alerts': 0"):
        check_alerts(database, accepted=1, backlog=0)


def test_a_delivery_that_is_not_there_ends_the_run(database: Database) -> None:
    """A webhook that came in without a row, or a row without a webhook, is named."""
    with pytest.raises(SystemExit, match="'received': 1"):
        check_deliveries(database, {"requests": 1, "ids": 0, "sample": []}, fired=0)
    with pytest.raises(SystemExit, match="'attempts that delivered': 0"):
        check_deliveries(database, {"requests": 1, "ids": 1, "sample": []}, fired=1)


def test_healthy_receivers_that_wait_end_the_run() -> None:
    """Nobody is told a p99 of 100 ms or more beside misbehaving receivers: that run failed."""
    hostile.check(Lateness(fired=[], sent=[99.0] * 100))
    with pytest.raises(SystemExit, match=r"p99 of the healthy receivers is 100\.0 ms"):
        hostile.check(Lateness(fired=[], sent=[100.0] * 100))


def test_of_200_receivers_32_misbehave() -> None:
    """One in ten fails, one in twenty hangs, one in a hundred speaks garbage; none does two of them."""
    assert Counter(hostile.misbehaving().values()) == {"fail": 20, "hang": 10, "babble": 2}


def test_a_forged_request_ends_the_run() -> None:
    """The sample is verified as a receiver would, so a wrong signature does not pass."""
    form = encode_form({"incident": "1", "summary": "disk"})
    signature = sign(f"http://{HOST}{PATH}", decode_form(form), AUTH_CODE[::-1])
    request = (
        f"POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\nX-VictorOps-Signature: {signature}\r\n\r\n"
        f"{form.decode()}"
    )
    with pytest.raises(BadSignature):
        verify_sample([request])


@given(
    bodies=st.lists(st.binary(max_size=40)),
    cuts=st.lists(st.integers(min_value=0, max_value=400)),
)
def test_messages_are_whole_however_they_come(bodies: list[bytes], cuts: list[int]) -> None:
    """Each request is counted once, however the network cuts the stream."""
    sent = [
        b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies
    ]
    stream = b"".join(sent)
    ends = sorted({0, *(cut for cut in cuts if cut < len(stream)), len(stream)})
    messages = Messages()
    found = [
        message for start, end in pairwise(ends) for message in messages.feed(stream[start:end])
    ]
    assert found == sent
