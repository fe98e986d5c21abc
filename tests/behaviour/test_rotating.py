"""An auth code is changed without a page that its receiver would refuse, and the old one is destroyed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.behaviour.harness import ON_SQLITE, Tocsin, a_receiver, a_server
from tests.behaviour.receiver import AUTH_CODE, Received

from tocsin_receiver import BadSignature, read, verify_standard

pytestmark = pytest.mark.anyio
NEW = "Zz9~Xx8-Cc7Vv6Bb5Nn4Mm3Aa2Ss1Dd0Ff9G"


async def rotating(tocsin: Tocsin, **how: str) -> None:
    await tocsin.configure({"main": [("0s", ["pager"]), ("1h", ["pager"])]})
    await tocsin.post("webhooks/pager/rotate", auth_code=NEW, **how)


def verified_by(tocsin: Tocsin, request: Received) -> tuple[list[str], list[str]]:
    """Which of the two codes verify Standard Webhooks' signature, and which VictorOps'."""
    now = int(request.headers["webhook-timestamp"])
    standard, victorops = [], []
    for name, code in (("old", AUTH_CODE), ("new", NEW)):
        try:
            verify_standard(code, request.headers, request.body, now=now)
            standard.append(name)
        except BadSignature:
            pass
        try:
            read(tocsin.receiver.url(request.path), request.headers, request.body, code)
            victorops.append(name)
        except BadSignature:
            pass
    return standard, victorops


async def test_both_codes_sign_until_the_new_one_is_promoted(tocsin: Tocsin) -> None:
    """Where there is room for two; VictorOps' header changes at the promotion, and both at once."""
    await rotating(tocsin)
    await tocsin.alert()
    before = tocsin.receiver.requests[-1]
    assert verified_by(tocsin, before) == (["old", "new"], ["old"])
    assert len(before.headers["webhook-signature"].split(" ")) == 2

    shown = await tocsin.post("webhooks/pager/promote")
    assert (shown["changed"], shown["rotating"]) == (True, False)
    tocsin.receiver.auth_code = NEW
    await tocsin.advance(hours=1)
    after = tocsin.receiver.requests[-1]
    assert after is not before
    assert verified_by(tocsin, after) == (["new"], ["new"])
    assert len(after.headers["webhook-signature"].split(" ")) == 1


async def test_a_test_is_signed_with_both_too(tocsin: Tocsin) -> None:
    """So that a receiver can be tried before the promotion."""
    await rotating(tocsin)
    await tocsin.post("webhooks/pager/test")
    await tocsin.settle()
    assert verified_by(tocsin, tocsin.receiver.requests[-1])[0] == ["old", "new"]


async def test_the_engine_promotes_at_the_chosen_time(tocsin: Tocsin) -> None:
    """By itself, before anything that is due at that very instant is signed."""
    await rotating(tocsin, promote_in="1h")
    webhook = await tocsin.get("webhooks/pager")
    assert (webhook["rotating"], webhook["promote_at"]) == (True, "2026-11-02T04:00:00.000000Z")
    await tocsin.alert()
    await tocsin.advance(minutes=59)
    assert (await tocsin.get("webhooks/pager"))["rotating"]
    tocsin.receiver.auth_code = NEW
    await tocsin.advance(minutes=1)
    assert verified_by(tocsin, tocsin.receiver.requests[-1]) == (["new"], ["new"])
    assert len(tocsin.receiver.requests) == 2
    change = (await tocsin.get("changes"))["items"][0]
    assert (change["actor"], change["action"]) == ("engine", "webhook.auth_code_promoted")


async def test_an_instant_that_passed_while_the_server_was_down_counts(home: Path) -> None:
    """The first thing that is sent after the start is signed with the new code."""
    async with a_server(home) as tocsin:
        await rotating(tocsin, promote_in="30m")
        await tocsin.alert()
        await tocsin.stop()
        tocsin.advance_while_down(hours=1)
        tocsin.receiver.auth_code = NEW
        await tocsin.start()
        await tocsin.settle()
        assert verified_by(tocsin, tocsin.receiver.requests[-1]) == (["new"], ["new"])
        assert len(tocsin.receiver.requests) == 2


async def test_a_pause_does_not_keep_an_old_code_alive(tocsin: Tocsin) -> None:
    """Nothing is sent meanwhile, but the owner chose the time."""
    await rotating(tocsin, promote_in="30m")
    await tocsin.post("pause")
    await tocsin.advance(minutes=30)
    assert not (await tocsin.get("webhooks/pager"))["rotating"]


async def test_a_retry_is_signed_with_the_codes_of_its_own_instant(tocsin: Tocsin) -> None:
    """What was refused before the receiver knew the new code is rescued by the rotation."""
    async with a_receiver(auth_code=NEW) as other:
        await rotating(tocsin)
        await tocsin.call("PATCH", "webhooks/pager", {"url": other.url("/pager")})
        await tocsin.alert()
        assert other.refused == 1
        await tocsin.post("webhooks/pager/promote")
        await tocsin.advance(seconds=3)
        assert len(other.requests) == 1
        assert (await tocsin.deliveries())[0]["state"] == "delivered"


async def test_without_room_the_pending_code_signs_nothing(tocsin: Tocsin) -> None:
    """A webhook without Standard Webhooks' headers goes from one code to the other at the promotion."""
    await tocsin.configure(
        {"main": [("0s", ["pager"])]}, webhooks={"pager": {"standard_signature": False}}
    )
    await tocsin.post("webhooks/pager/rotate", auth_code=NEW)
    await tocsin.alert()
    (request,) = tocsin.receiver.requests
    assert "webhook-signature" not in request.headers
    read(tocsin.receiver.url(request.path), request.headers, request.body, AUTH_CODE)


async def test_the_codes_are_shown_to_administrators_only(tocsin: Tocsin) -> None:
    """Both, each in both spellings, and that somebody looked is written down."""
    await rotating(tocsin)
    codes = await tocsin.get("webhooks/pager/auth-code")
    assert (codes["auth_code"], codes["pending_auth_code"]) == (AUTH_CODE, NEW)
    assert codes["pending_standard_secret"].startswith("whsec_")
    assert codes["pending_standard_secret"] != codes["standard_secret"]
    reader = await tocsin.post("tokens", name="reader", scope="read")
    headers = {"Authorization": f"Bearer {reader['token']}"}
    shown = await tocsin.http.get("/api/v1/webhooks/pager", headers=headers)
    assert shown.json()["rotating"] is True
    assert NEW not in shown.text
    for method, path in (
        ("GET", "auth-code"),
        ("POST", "rotate"),
        ("POST", "promote"),
        ("POST", "cancel-rotation"),
    ):
        refused = await tocsin.http.request(
            method, f"/api/v1/webhooks/pager/{path}", headers=headers, json={}
        )
        assert refused.status_code == 403


@ON_SQLITE
@pytest.mark.parametrize("how", ["promote", "cancel-rotation", "by time", "delete", "change"])
async def test_a_code_that_is_gone_is_nowhere_on_disk(tocsin: Tocsin, how: str) -> None:
    """Its sealed bytes are in no page of the database, not in a free one either, nor in the log of writes."""
    await tocsin.configure({"main": [("0s", ["other"])]}, webhooks={"pager": {}})
    await tocsin.post("webhooks/pager/rotate", auth_code=NEW, promote_in="1h")
    old, pending = sealed_codes(tocsin.database)
    assert old in on_disk(tocsin)
    assert pending in on_disk(tocsin)
    match how:
        case "by time":
            await tocsin.advance(hours=1)
        case "delete":
            await tocsin.call("DELETE", "webhooks/pager")
        case "change":
            await tocsin.call("PATCH", "webhooks/pager", {"auth_code": NEW})
        case _:
            await tocsin.post(f"webhooks/pager/{how}")
    gone = pending if how == "cancel-rotation" else old
    assert gone not in on_disk(tocsin)


def sealed_codes(database: Path) -> tuple[bytes, bytes]:
    with closing(sqlite3.connect(database)) as connection:
        row: tuple[bytes, bytes] = connection.execute(
            "SELECT auth_code, pending_auth_code FROM webhooks WHERE slug = 'pager'"
        ).fetchone()
        return row


def on_disk(tocsin: Tocsin) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(tocsin.home.glob("tocsin.db*")))
