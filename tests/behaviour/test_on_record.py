"""Every attempt is on record: its phases, what was answered without secrets, and the request as it was sent."""

import base64
import re
from pathlib import Path

import pytest
from tests.behaviour.echo import Echo, an_echo
from tests.behaviour.harness import Answer, Tocsin
from tests.behaviour.receiver import AUTH_CODE

pytestmark = pytest.mark.anyio
PATH = "/hooks/a-secret-in-the-path"


async def one_attempt(tocsin: Tocsin, echo: Echo, target: str = PATH) -> tuple[str, Answer]:
    """An incident whose page the echo answers; return the delivery's id and its first attempt."""
    await tocsin.configure(
        {"main": [("0s", ["pager"])]}, webhooks={"pager": {"url": echo.url(target)}}
    )
    await tocsin.alert()
    (delivery,) = await tocsin.deliveries()
    shown = await tocsin.get(f"deliveries/{delivery['id']}")
    return delivery["id"], shown["attempts"][0]


def header(request: bytes, name: str) -> str:
    found = re.search(rf"\r\n{name}: ([^\r]*)\r\n".encode(), request)
    assert found is not None
    return found[1].decode()


async def test_an_attempt_is_on_record_with_phases_reason_and_answer(tocsin: Tocsin) -> None:
    """Milliseconds for what took place, null for what did not; the address; the answer's headers and body."""
    async with an_echo() as echo:
        id_, attempt = await one_attempt(tocsin, echo, "/hook")
        phases = attempt["milliseconds"]
        assert phases["tls"] is None
        parts = [phases[name] for name in ("resolve", "connect", "first_byte")]
        assert all(0 < part < phases["total"] < 5000 for part in parts)
        assert (attempt["status"], attempt["outcome"]) == (500, "rejected")
        assert attempt["reason"].startswith("The receiver failed")
        assert attempt["address"] == "127.0.0.1"
        assert ["X-Request-Id", "7d1"] in attempt["answer_headers"]
        assert '"line": "POST /hook HTTP/1.1"' in attempt["answer_body"]
        tocsin.receiver.answer("/pager", 200)
        await tocsin.call("PATCH", "webhooks/pager", {"url": tocsin.receiver.url("/pager")})
        await tocsin.advance(seconds=3)
    second = (await tocsin.get(f"deliveries/{id_}"))["attempts"][1]
    assert (second["outcome"], second["reason"], second["answer_body"]) == ("delivered", None, "ok")
    assert second["answer_headers"] == [["Content-Length", "2"]]
    assert second["milliseconds"]["total"] > 0


async def test_no_secret_that_a_receiver_repeats_is_kept(tocsin: Tocsin) -> None:
    """Neither auth code in either spelling, nor signatures, nor the URL, nor its cookies; nowhere on disk."""
    async with an_echo() as echo:
        standard = base64.b64encode(AUTH_CODE.encode()).decode()
        echo.also = f"key {AUTH_CODE} or whsec_{standard}" + "." * 4000 + AUTH_CODE
        _, attempt = await one_attempt(tocsin, echo)
    (sent,) = echo.requests
    secrets = [
        AUTH_CODE,
        standard.rstrip("="),
        header(sent, "X-VictorOps-Signature"),
        header(sent, "webhook-signature").removeprefix("v1,"),
        "a-secret-in-the-path",
        "of-somebody",
    ]
    assert ["Set-Cookie", "***"] in attempt["answer_headers"]
    assert ["X-Got", "***"] in attempt["answer_headers"]
    assert attempt["answer_body"].startswith('{"also": "key *** or whsec_***....')
    told = str(attempt)
    await tocsin.flush()
    stored = stored_bytes(tocsin.home)
    for secret in secrets:
        assert secret not in told
        assert secret.encode() not in stored


def stored_bytes(home: Path) -> bytes:
    """The database and what was written to it last."""
    return b"".join(file.read_bytes() for file in sorted(home.glob("tocsin.db*")))


async def test_the_request_is_shown_as_it_was_sent(tocsin: Tocsin) -> None:
    """Every byte but the signatures, of each attempt, also when the URL has been corrected since."""
    async with an_echo() as echo:
        id_, _ = await one_attempt(tocsin, echo, "/wrong?x=%2f")
        await tocsin.call("PATCH", "webhooks/pager", {"standard_signature": False})
        await tocsin.advance(seconds=3)
        await tocsin.call("PATCH", "webhooks/pager", {"url": echo.url("/right")})
        await tocsin.advance(seconds=7)
    assert len(echo.requests) == 3
    for number, sent in enumerate(echo.requests, start=1):
        request = await tocsin.get(f"deliveries/{id_}/attempts/{number}/request")
        assert request["source"] == "sent"
        masked = re.sub(rb"(-[Ss]ignature: )[^\r]*", rb"\1***", sent)
        assert request["text"].encode() == masked
    assert [each.split()[1] for each in echo.requests] == [
        b"/wrong?x=%2f",
        b"/wrong?x=%2f",
        b"/right",
    ]
    shown = (await tocsin.get(f"deliveries/{id_}"))["request"]
    assert (shown["source"], shown["request_line"]) == ("sent", "POST /right HTTP/1.1")


async def test_what_was_sent_is_known_after_a_restart(tocsin: Tocsin, tmp_path: Path) -> None:
    """It is on disk; a crash in the middle of an attempt is told as what it is."""
    tocsin.receiver.answer("/pager", 500)
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await tocsin.alert()
    tocsin.receiver.hold("/pager")
    await tocsin.advance(seconds=3)
    await tocsin.flush()
    second = tocsin.after_a_crash(tmp_path / "second")
    try:
        await second.start()
        (delivery,) = await second.deliveries()
        path = f"deliveries/{delivery['id']}/attempts"
        assert (await second.get(f"{path}/1/request"))["source"] == "sent"
        cut_short = await second.get(f"{path}/2/request")
        assert cut_short["source"] == "not_known"
        assert "This is how it would be sent now" in cut_short["note"]
    finally:
        tocsin.receiver.let_all_go()
        await second.stop()
