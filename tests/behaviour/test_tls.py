"""TLS with receivers: whom a webhook trusts, what it shows of itself, and why it was refused."""

import asyncio
import json
import ssl
from datetime import timedelta
from typing import Any

import pytest
from tests.behaviour.harness import Answer, Tocsin, a_receiver, until
from tests.certificates import NOW, Made, make, make_ca, serving
from tests.manual_clock import START
from tests.transport.tls_servers import listening

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
HERE = ("127.0.0.1",)
ROOT = make_ca("Our Root")
CLIENTS_ROOT = make_ca("Clients' Root")
OURS = make(name="tocsin", names=(), issuer=CLIENTS_ROOT, is_for_clients=True)
GOOD = make(issuer=ROOT, names=HERE)
# By OpenSSL's clock and by the one that the test moves.
LONG_AGO = START - 60 * DAY - NOW
EXPIRED = make(issuer=ROOT, names=HERE, starts=LONG_AGO - 90 * DAY, ends=LONG_AGO)


async def call(tocsin: Tocsin, name: str, url: str, **options: Any) -> Answer:
    """Let a step call one webhook; return the delivery, once its first attempt has ended."""
    webhook = {"url": url, "ca_bundle": ROOT.pem, **options}
    await tocsin.configure({name: [("0s", [name])]}, keys={name: [name]}, webhooks={name: webhook})
    return await page(tocsin, name)


async def page(tocsin: Tocsin, name: str, entity_id: str = "") -> Answer:
    """Open an incident; return the delivery in full, once its first attempt has ended."""
    number = await tocsin.open(entity_id or name, key=name)
    (delivery,) = await tocsin.deliveries(incident=number)
    return await tocsin.get(f"deliveries/{delivery['id']}")


def reason(delivery: Answer) -> str:
    return str(delivery["attempts"][-1]["reason"])


async def test_a_private_ca_is_trusted_by_the_webhook_it_was_given_to(shared: Tocsin) -> None:
    """And by no other: the same receiver is refused to one without it, with what to do."""
    async with a_receiver(tls=serving(GOOD)) as receiver:
        given = await call(shared, "given", receiver.url("/given"))
        without = await call(shared, "without", receiver.url("/without"), ca_bundle=None)
    assert given["state"] == "delivered"
    assert receiver.paths() == ["/given"]
    assert (without["state"], without["end_reason"]) == ("failed", "final_outcome")
    assert without["attempts"][0]["outcome"] == "certificate_refused"
    assert '"CN=Our Root", which is not a CA that is recognised here' in reason(without)
    assert "as its ca_bundle" in reason(without)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_is_shown_to_whom_asks_for_it(
    shared: Tocsin, version: ssl.TLSVersion
) -> None:
    """mTLS: the right one is let in; with none, and with a wrong one, the reason is told."""
    tls = serving(GOOD, asks_for=CLIENTS_ROOT, minimum_version=version, maximum_version=version)
    stranger = make(name="tocsin", names=(), issuer=ROOT, is_for_clients=True)
    name = f"mtls-{version.name.lower().replace('_', '-')}"
    async with listening(tls) as receiver:
        url = f"https://127.0.0.1:{receiver.port}/"
        shown = {"client_certificate": OURS.pem, "client_key": OURS.key_pem}
        right = await call(shared, f"{name}-right", url, **shown)
        none = await call(shared, f"{name}-none", url)
        other = {"client_certificate": stranger.pem, "client_key": stranger.key_pem}
        wrong = await call(shared, f"{name}-wrong", url, **other)
    assert right["state"] == "delivered"
    assert "demands a client certificate, and the webhook has none" in reason(none)
    assert "refused the webhook's client certificate: it does not recognise" in reason(wrong)
    assert none["attempts"][0]["outcome"] == wrong["attempts"][0]["outcome"] == "tls_failed"
    for each in (none, wrong):  # it may be corrected in time, so it is tried again
        assert each["state"] == "pending"
        await shared.act(each["incident"], "resolve")


async def test_connections_are_shared_by_the_same_certificates_only(tocsin: Tocsin) -> None:
    """A webhook never speaks over a connection that another identity opened."""
    tls = serving(GOOD, asks_for=CLIENTS_ROOT)
    other = make(name="other", names=(), issuer=CLIENTS_ROOT, is_for_clients=True)
    async with a_receiver(tls=tls) as receiver:
        webhooks = {
            name: {
                "url": receiver.url(f"/{name}"),
                "ca_bundle": ROOT.pem,
                "client_certificate": made.pem + made.key_pem,
            }
            for name, made in (("one", OURS), ("two", other), ("three", OURS))
        }
        steps = [("0s", ["one"]), ("1m", ["two"]), ("1m", ["three"]), ("1m", ["one"])]
        await tocsin.configure({"main": steps}, webhooks=webhooks)
        await tocsin.alert()
        for _ in steps[1:]:
            await tocsin.advance(minutes=1)
        shown = [await tocsin.get(f"deliveries/{each['id']}") for each in await tocsin.deliveries()]
    assert receiver.paths() == ["/one", "/two", "/three", "/one"]
    assert [each["attempts"][0]["reused"] for each in shown] == [False, False, True, True]


async def test_a_refusal_is_explained_by_a_second_handshake_that_sends_nothing(
    tocsin: Tocsin,
) -> None:
    """At most one for each webhook in 10 minutes; what was seen then explains those in between."""
    async with listening(serving(EXPIRED)) as receiver:
        url = f"https://127.0.0.1:{receiver.port}/"
        first = await call(tocsin, "pager", url)
        assert receiver.accepted == 2
        await tocsin.advance(minutes=9)
        second = await page(tocsin, "pager", "second")
        assert receiver.accepted == 3
        await tocsin.advance(minutes=1)
        third = await page(tocsin, "pager", "third")
        assert receiver.accepted == 5
    assert not any(receiver.heard)
    said = "The receiver's certificate expired on 2026-09-03 03:00Z, 60 days ago."
    for each in (first, second, third):
        assert reason(each).startswith(said)
        assert "(OpenSSL 10: certificate has expired)" in reason(each)
    assert "Seen at 2026-11-02 03:00" in reason(second)
    assert "Seen at" not in reason(first) + reason(third)
    for subject in (first["id"], "pager"):
        assert said in (await tocsin.why(subject))["text"]


async def test_a_diagnosis_holds_nobody_up(tocsin: Tocsin) -> None:
    """While one receiver is slow to show its certificate again, others are called and recorded."""
    async with listening(serving(EXPIRED), is_slow_again=True) as receiver:
        webhooks = {"slow": {"url": f"https://127.0.0.1:{receiver.port}/", "ca_bundle": ROOT.pem}}
        await tocsin.configure({"main": [("0s", ["slow", "pager"])]}, webhooks=webhooks)
        await tocsin.post_alert({"message_type": "CRITICAL", "entity_id": "disk"})
        await until(lambda: receiver.accepted == 2)
        (quick,) = await tocsin.receiver.wait_for(1)
        async with asyncio.timeout(10):
            while (await tocsin.get(f"deliveries/{quick.delivery_id}"))["state"] != "delivered":
                pass
        (slow,) = await tocsin.deliveries(webhook="slow")
        assert slow["state"] == "sending"
        receiver.let_go.set()
        await tocsin.settle()
    (slow,) = await tocsin.deliveries(webhook="slow")
    assert slow["state"] == "failed"


async def test_stopping_does_not_wait_for_a_diagnosis(tocsin: Tocsin) -> None:
    """The attempt is on record all the same, with what is known without it."""
    async with listening(serving(EXPIRED), is_slow_again=True) as receiver:
        webhooks = {"slow": {"url": f"https://127.0.0.1:{receiver.port}/", "ca_bundle": ROOT.pem}}
        await tocsin.configure({"main": [("0s", ["slow"])]}, webhooks=webhooks)
        await tocsin.post_alert({"message_type": "CRITICAL", "entity_id": "disk"})
        await until(lambda: receiver.accepted == 2)
        await tocsin.stop()
        assert not receiver.let_go.is_set()
    await tocsin.start()
    (slow,) = await tocsin.deliveries()
    assert (slow["state"], slow["end_reason"]) == ("failed", "final_outcome")
    said = reason(await tocsin.get(f"deliveries/{slow['id']}"))
    assert said.startswith("The receiver's certificate expired.")
    assert said.endswith("(OpenSSL 10: certificate has expired)")


def told(tocsin: Tocsin) -> list[dict[str, Any]]:
    """Return the warnings that the feed led its readers to, in order."""
    rows = tocsin.rows("SELECT entries FROM feed ORDER BY position")
    added = [row for (entries,) in rows for row in json.loads(entries)]
    select = "SELECT kind, detail FROM timeline WHERE incident = 0 AND id = :id"
    found = [
        tocsin.rows(select, id=row[2])[0] for row in added if row[0] == "timeline" and row[1] == 0
    ]
    return [json.loads(detail) for kind, detail in found if kind == "certificate_ending"]


async def until_left(tocsin: Tocsin, made: Made, left: timedelta) -> None:
    """Move the clock to so long before a certificate's end."""
    tocsin.clock.advance(made.certificate.not_valid_after_utc - left - tocsin.now)
    await tocsin.settle()


async def warnings(tocsin: Tocsin) -> list[str]:
    answer = (await tocsin.http.get("/readyz")).json()
    assert answer["ready"]
    return [each["message"] for each in answer["warnings"] if each["code"] == "certificate_ending"]


async def test_what_a_receiver_shows_is_kept_and_its_end_is_warned_of(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """30, 14 and 3 days before: in the feed, the log and /readyz, once each, over restarts as well."""
    expires = GOOD.certificate.not_valid_after_utc
    ends = f"{expires:%Y-%m-%dT%H:%M:%S}.000000Z"
    async with a_receiver(tls=serving(GOOD)) as receiver:
        await call(tocsin, "pager", receiver.url("/pager"), deadline="1h")
    shown = (await tocsin.get("webhooks/pager"))["receiver_certificate"]
    assert (shown["issuer"], shown["expires_at"]) == ("Our Root", ends)
    assert (await tocsin.get("webhooks"))["items"][0]["receiver_certificate"] == shown
    line = 'tocsin_webhook_certificate_expires_timestamp_seconds{webhook="pager"}'
    assert await tocsin.metric(line) == expires.timestamp()

    await until_left(tocsin, GOOD, 30 * DAY + timedelta(microseconds=1))
    assert (told(tocsin), await warnings(tocsin)) == ([], [])
    for days, count in ((30, 1), (20, 1), (14, 2), (3, 3), (1, 3), (-1, 3)):
        await until_left(tocsin, GOOD, days * DAY)
        assert len(told(tocsin)) == count, days
        await tocsin.stop()
        await tocsin.start()
        await tocsin.settle()
        assert len(told(tocsin)) == count, days
        (warning,) = await warnings(tocsin)
        assert warning.startswith("The certificate of the receiver of pager, issued by Our Root, ")
    assert "ended 1 d ago" in warning
    assert {each["webhook"] for each in told(tocsin)} == {"pager"}
    logged = [each for each in caplog.records if each.msg == "certificate.ending"]
    assert [vars(each)["webhook"] for each in logged] == ["pager"] * 3


async def test_a_renewed_certificate_ends_the_warnings(tocsin: Tocsin) -> None:
    """The next success shows the new one; a URL that leads elsewhere forgets the old one."""
    ending = make(issuer=ROOT, names=HERE, ends=20 * DAY)
    tocsin.clock.advance(NOW - tocsin.now)
    async with listening(serving(ending)) as receiver:
        port = receiver.port
        await call(tocsin, "pager", f"https://127.0.0.1:{port}/")
    assert len(await warnings(tocsin)) == len(told(tocsin)) == 1
    async with listening(serving(GOOD), port=port):
        await page(tocsin, "pager", "renewed")
        assert await warnings(tocsin) == []
        assert len(told(tocsin)) == 1
    async with listening(serving(ending), port=port):
        await page(tocsin, "pager", "back again")
        assert len(await warnings(tocsin)) == 1
        assert len(told(tocsin)) == 1
    elsewhere = {"url": "https://elsewhere.example/"}
    await tocsin.call("PATCH", "webhooks/pager", elsewhere)
    assert await warnings(tocsin) == []
    assert (await tocsin.get("webhooks/pager"))["receiver_certificate"] is None


async def test_ones_own_client_certificate_is_warned_of_too(tocsin: Tocsin) -> None:
    """It ends as surely as a receiver's; without a single page sent."""
    client = {"client_certificate": OURS.pem, "client_key": OURS.key_pem}
    options = {"url": "https://pager.example/", **client}
    await tocsin.configure({"main": [("1h", ["pager"])]}, webhooks={"pager": options})
    await until_left(tocsin, OURS, 14 * DAY)
    (warning,) = await warnings(tocsin)
    assert warning.startswith("The client certificate of pager, issued by CN=Clients' Root, ends")
    assert [each["whose"] for each in told(tocsin)] == ["client"]
    line = 'tocsin_webhook_client_certificate_expires_timestamp_seconds{webhook="pager"}'
    assert await tocsin.metric(line) == OURS.certificate.not_valid_after_utc.timestamp()
    await tocsin.call("PATCH", "webhooks/pager", {"enabled": False})
    assert await warnings(tocsin) == []


async def test_a_client_key_is_sealed_and_never_given_back(tocsin: Tocsin) -> None:
    """Not in the database's bytes, in no answer and no list of changes; but in an export with secrets."""
    client = {"client_certificate": OURS.pem, "client_key": OURS.key_pem}
    options = {"url": "https://pager.example/", **client}
    await tocsin.configure({"main": [("1h", ["pager"])]}, webhooks={"pager": options})
    secret = OURS.key_pem.splitlines()[1]
    for path in ("webhooks", "webhooks/pager", "changes", "configuration/export"):
        assert secret not in (await tocsin.ask("GET", path)).text
    with_secrets = (await tocsin.ask("GET", "configuration/export?secrets=true")).text
    assert secret in with_secrets
    assert (await tocsin.get("webhooks/pager"))["client_certificate"] == OURS.pem
    await tocsin.stop()
    for file in tocsin.home.glob("tocsin.db*"):
        assert secret.encode() not in file.read_bytes()


async def test_a_webhook_is_checked_without_sending(shared: Tocsin) -> None:
    """Each phase with its time and the certificate; what would be refused and why; nothing is sent."""
    async with listening(serving(GOOD)) as good, listening(serving(EXPIRED)) as bad:
        answers = []
        for name, port in (("fine", good.port), ("worn-out", bad.port)):
            options = {"url": f"https://127.0.0.1:{port}/", "ca_bundle": ROOT.pem}
            await shared.configure({}, keys={}, webhooks={name: options})
            answers.append(await shared.post(f"webhooks/{name}/check"))
        assert not any(good.heard + bad.heard)
        assert (good.accepted, bad.accepted) == (1, 1)
    fine, worn_out = answers
    assert (fine["ok"], fine["outcome"], fine["flaws"]) == (True, None, [])
    assert fine["address"] == "127.0.0.1"
    assert all(fine["microseconds"][phase] >= 0 for phase in ("resolve", "connect", "tls"))
    assert fine["version"] == "TLSv1.3"
    (certificate,) = fine["chain"]
    assert (certificate["names"], certificate["issuer"]) == (["127.0.0.1"], "CN=Our Root")
    assert (worn_out["ok"], worn_out["outcome"]) == (False, "certificate_refused")
    assert [each["flaw"] for each in worn_out["flaws"]] == ["certificate_expired"]
    assert worn_out["explanation"].endswith("Renew it at the receiver.")
    assert await shared.deliveries(webhook="worn-out") == []
