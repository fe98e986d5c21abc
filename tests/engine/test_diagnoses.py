"""Diagnoses: one look at a receiver for many failures, and never in the way."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.behaviour.harness import until
from tests.certificates import NOW, make, make_ca, serving
from tests.transport.forwarding import forwarding
from tests.transport.servers import LOOPBACK, to
from tests.transport.tls_servers import Listening, listening

from tocsin.domain.outcome import Outcome
from tocsin.domain.webhook import Webhook
from tocsin.engine.diagnoses import SPAN, Diagnoses
from tocsin.engine.request import destination_of
from tocsin.secret import Secret
from tocsin.transport.exchange import Answer, Route, unsent
from tocsin.transport.sender import Sender

pytestmark = pytest.mark.anyio
ROOT = make_ca("Root")
TLS = serving(make(issuer=ROOT, names=["a.example"]))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def webhook(port: int, ca_bundle: str | None = ROOT.pem) -> Webhook:
    return Webhook(
        id=1,
        slug="pager",
        name="Pager",
        url=f"https://127.0.0.1:{port}/",
        auth_code=Secret("0123456789abcdef"),
        ca_bundle=ca_bundle,
    )


async def fail(sender: Sender, called: Webhook) -> Answer:
    answer = await sender.send(to(destination_of(called)))
    assert answer.outcome is Outcome.CERTIFICATE_REFUSED
    return answer


async def test_failures_at_one_time_share_a_look(caplog: pytest.LogCaptureFixture) -> None:
    """All of them are explained by it, and it is logged once, with the flaws by name."""
    async with listening(TLS) as receiver:
        sender = Sender(networks=LOOPBACK)
        diagnoses = Diagnoses(sender.inspector)
        answer = await fail(sender, webhook(receiver.port))
        told: list[str | None] = []
        for _ in range(3):
            diagnoses.explain(webhook(receiver.port), answer, now=NOW, done=told.append)
        assert told == []
        await asyncio.gather(*diagnoses._running)
        assert receiver.accepted == 2
        await sender.close()
    assert len(told) == 3
    assert len(set(told)) == 1
    assert str(told[0]).startswith("The receiver's certificate is for a.example, and not for")
    (logged,) = [each for each in caplog.records if each.msg == "tls.refused"]
    assert (vars(logged)["webhook"], vars(logged)["flaws"]) == ("pager", "wrong_name")


async def test_a_proxy_that_looks_names_up_leads_to_the_receiver_again() -> None:
    """There is no address to look at then, only the name, and the way there is the same."""
    async with listening(TLS) as receiver, forwarding(receiver.port, resolves=True) as way:
        sender = Sender(proxy=way.proxy)
        diagnoses = Diagnoses(sender.inspector)
        url = f"https://b.example:{receiver.port}/"
        called = replace(webhook(receiver.port), url=url)
        answer = await fail(sender, called)
        told: list[str | None] = []
        diagnoses.explain(called, answer, now=NOW, done=told.append)
        await asyncio.gather(*diagnoses._running)
        await sender.close()
    assert answer.address == ""
    assert way.targets == [f"b.example:{receiver.port}"] * 2
    assert str(told[0]).startswith("The receiver's certificate is for a.example, and not for")


async def test_a_corrected_webhook_is_not_explained_by_what_was_seen_before() -> None:
    """Nor looked at again so soon: what OpenSSL said must do, until ten minutes have passed."""
    async with listening(TLS) as receiver:
        sender = Sender(networks=LOOPBACK)
        diagnoses = Diagnoses(sender.inspector)
        told: list[str | None] = []
        before, after = webhook(receiver.port), webhook(receiver.port, None)
        diagnoses.explain(before, await fail(sender, before), now=NOW, done=told.append)
        await asyncio.gather(*diagnoses._running)
        second = await fail(sender, after)
        diagnoses.explain(after, second, now=NOW + SPAN - timedelta(seconds=1), done=told.append)
        assert receiver.accepted == 3
        assert str(told[1]).startswith("The issuer of the receiver's certificate is not recognised")
        diagnoses.explain(after, second, now=NOW + SPAN, done=told.append)
        await asyncio.gather(*diagnoses._running)
        assert receiver.accepted == 4
        await sender.close()
    assert '"CN=Root", which is not a CA that is recognised here' in str(told[2])


async def test_what_was_seen_is_forgotten_when_it_no_longer_counts() -> None:
    """However many webhooks come and go, only those of the last ten minutes are remembered."""
    async with listening(TLS) as receiver:
        sender = Sender(networks=LOOPBACK)
        diagnoses = Diagnoses(sender.inspector)
        called = webhook(receiver.port)
        answer = await fail(sender, called)
        for number in range(3):
            other = replace(called, id=number)
            diagnoses.explain(other, answer, now=NOW + number * SPAN / 2, done=lambda _: None)
        assert set(diagnoses._looks) == {1, 2}
        await asyncio.gather(*diagnoses._running)
        await sender.close()


async def test_what_needs_no_look_gets_none() -> None:
    """Without a connection there is nothing to look at; some alerts say all there is."""
    sender = Sender(networks=LOOPBACK)
    diagnoses = Diagnoses(sender.inspector)
    told: list[str | None] = []
    refused = unsent(Outcome.TLS_FAILED, "the CA bundle ...", route=Route(), total_us=1)
    diagnoses.explain(webhook(1), refused, now=NOW, done=told.append)
    alerted = refused._replace(address="127.0.0.1", detail="TLSV13_ALERT_CERTIFICATE_REQUIRED")
    diagnoses.explain(webhook(1), alerted, now=NOW, done=told.append)
    assert told[0] is None
    assert str(told[1]).startswith("The receiver demands a client certificate")
    assert not diagnoses._running
    await sender.close()


async def test_a_look_that_finds_nobody_leaves_what_openssl_said() -> None:
    """The receiver is gone by then, or its address may not be called any more."""
    async with listening(TLS) as receiver:
        port = receiver.port
        sender = Sender(networks=LOOPBACK)
        answer = await fail(sender, webhook(port))
        told = await explained(answer, receiver, Sender())
    told += await explained(answer, receiver, sender)
    assert receiver.accepted == 1
    assert len(set(told)) == 1
    assert str(told[0]).startswith(
        "The receiver's certificate is for another name, and not for 127"
    )


async def explained(answer: Answer, receiver: Listening, sender: Sender) -> list[str | None]:
    diagnoses = Diagnoses(sender.inspector)
    told: list[str | None] = []
    diagnoses.explain(webhook(receiver.port), answer, now=NOW, done=told.append)
    await asyncio.gather(*diagnoses._running)
    await sender.close()
    return told


async def test_closing_tells_whoever_waits() -> None:
    """No attempt is left without an end because its receiver does not answer."""
    async with listening(TLS, is_slow_again=True) as receiver:
        sender = Sender(networks=LOOPBACK)
        diagnoses = Diagnoses(sender.inspector)
        told: list[str | None] = []
        answer = await fail(sender, webhook(receiver.port))
        diagnoses.explain(webhook(receiver.port), answer, now=NOW, done=told.append)
        await until(lambda: receiver.accepted == 2)
        await diagnoses.close()
        await sender.close()
        assert not receiver.let_go.is_set()
    assert str(told[0]).startswith("The receiver's certificate is for another name")
