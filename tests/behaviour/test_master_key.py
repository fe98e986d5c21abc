"""The master key is changed while the server runs, and a crash at any point of it loses nothing."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from tests.behaviour.harness import ON_SQLITE, Tocsin, a_server
from tests.behaviour.test_store_failures import read_only

pytestmark = [pytest.mark.anyio, ON_SQLITE]  # whose file of the key is the server's alone


def key_file(tocsin: Tocsin) -> Path:
    return tocsin.home / "tocsin.db.key"


def on_disk(tocsin: Tocsin) -> bytes:
    """Every byte of the database, its log and what lies beside them."""
    return b"".join(file.read_bytes() for file in sorted(tocsin.home.glob("tocsin.db*")))


def sealed(tocsin: Tocsin) -> list[bytes]:
    """Everything that lies sealed."""
    with closing(sqlite3.connect(tocsin.database)) as connection:
        rows = connection.execute(
            "SELECT url FROM webhooks UNION SELECT auth_code FROM webhooks "
            "UNION SELECT pending_auth_code FROM webhooks UNION SELECT response FROM idempotency "
            "UNION SELECT url FROM request_heads UNION SELECT head FROM request_heads "
            "UNION SELECT value FROM settings WHERE name = 'vault_proof'"
        )
        return [value for (value,) in rows if value]


async def prepare(tocsin: Tocsin) -> None:
    """Let there be something in every place that can hold something sealed."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("1h", ["pager"])]})
    await tocsin.post("webhooks/pager/rotate")
    assert (await make_key(tocsin)).status_code == 201


async def make_key(tocsin: Tocsin) -> httpx.Response:
    """Make an alert key, as a client does that may have to ask again."""
    return await tocsin.http.post(
        "/api/v1/keys", json={"name": "sender"}, headers={"Idempotency-Key": "once"}
    )


async def works(tocsin: Tocsin, entity_id: str) -> None:
    """A page goes out, signed, to the URL of before."""
    before = len(tocsin.receiver.requests)
    await tocsin.alert(entity_id=entity_id)
    assert len(tocsin.receiver.requests) == before + 1


async def test_everything_is_under_the_new_key_and_nothing_of_the_old_is_left(
    tocsin: Tocsin,
) -> None:
    """Not in the key's file, and not what it sealed in the database or its log; pages go on."""
    await prepare(tocsin)
    old_key, old = key_file(tocsin).read_text().strip(), sealed(tocsin)
    assert len(old) == 7
    answer = await tocsin.post("master-key/rotate")
    assert answer["secrets"] == 7
    assert old_key not in key_file(tocsin).read_text()
    assert [each for each in (*old, old_key.encode()) if each in on_disk(tocsin)] == []
    (key,) = (await tocsin.get("master-key"))["keys"]
    assert key == {"name": answer["name"], "seals": True, "secrets": 7, "needed": True}
    change = (await tocsin.get("changes"))["items"][0]
    assert (change["action"], change["object"]) == ("master_key.rotated", answer["name"])
    await works(tocsin, "running")
    await tocsin.stop()
    await tocsin.start()
    await works(tocsin, "restarted")


async def test_an_answer_that_was_kept_is_given_again_after_the_change(tocsin: Tocsin) -> None:
    """A client that did not hear its new key hears it still."""
    first = await make_key(tocsin)
    await tocsin.post("master-key/rotate")
    assert (await make_key(tocsin)).json() == first.json()


async def test_links_that_are_out_still_work_after_the_change(home: Path) -> None:
    """They are signed with a key made of the master key: of the old one until the server is restarted."""
    async with a_server(home, public_url="https://tocsin.example") as tocsin:
        await tocsin.configure(
            {"main": [("0s", ["pager"])]}, webhooks={"pager": {"links": ["acknowledge"]}}
        )
        paths = []
        for entity_id in ("before", "after"):
            await tocsin.open(entity_id)
            url = tocsin.receiver.requests[-1].fields["ack_url"].strip('"')
            paths.append(url.removeprefix("https://tocsin.example"))
            await tocsin.post("master-key/rotate")
        for path in paths:
            assert (await tocsin.http.post(path)).status_code == 200


async def test_a_crash_before_the_commit_loses_nothing(tocsin: Tocsin, tmp_path: Path) -> None:
    """Both keys are in the file then, and the next start seals everything anew."""
    await prepare(tocsin)
    half_way = tmp_path / "half way"
    crashed = tocsin.after_a_crash(half_way)
    await tocsin.post("master-key/rotate")
    new, old = key_file(tocsin).read_text(), key_file(crashed).read_text()
    key_file(crashed).write_text(new + old)
    await tocsin.stop()
    await crashed.start()
    try:
        keys = (await crashed.get("master-key"))["keys"]
        assert [(key["secrets"], key["needed"]) for key in keys] == [(7, True), (0, False)]
        await works(crashed, "crashed")
    finally:
        await crashed.stop()


async def test_a_crash_after_the_commit_loses_nothing(tocsin: Tocsin, tmp_path: Path) -> None:
    """The old key lies in the file still, and may be taken out: the next change does."""
    await prepare(tocsin)
    old = key_file(tocsin).read_text()
    await tocsin.post("master-key/rotate")
    crashed = tocsin.after_a_crash(tmp_path / "after the commit")
    key_file(crashed).write_text(key_file(crashed).read_text() + old)
    await tocsin.stop()
    await crashed.start()
    try:
        keys = (await crashed.get("master-key"))["keys"]
        assert [(key["secrets"], key["needed"]) for key in keys] == [(7, True), (0, False)]
        await crashed.post("master-key/rotate")
        assert len(key_file(crashed).read_text().split()) == 1
        await works(crashed, "crashed")
    finally:
        await crashed.stop()


async def test_two_who_change_it_at_once_do_not_lose_it(tocsin: Tocsin) -> None:
    """Whoever is second goes on from what the first has done."""
    await prepare(tocsin)
    answers = await asyncio.gather(*(tocsin.ask("POST", "master-key/rotate") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(key_file(tocsin).read_text().split()) == 1
    await tocsin.stop()
    await tocsin.start()
    await works(tocsin, "restarted")


async def test_a_store_that_fails_keeps_the_old_key(tocsin: Tocsin) -> None:
    """The change is refused with 503; what is sealed meanwhile, and a later change, find both keys."""
    await prepare(tocsin)
    old = key_file(tocsin).read_text().strip()
    read_only(tocsin, on=True)
    refused = await tocsin.ask("POST", "master-key/rotate")
    read_only(tocsin, on=False)
    assert refused.status_code == 503
    assert old in key_file(tocsin).read_text()
    await works(tocsin, "running")
    await tocsin.post("webhooks", name="new", url=tocsin.receiver.url("/new"))
    await tocsin.stop()
    await tocsin.start()
    await works(tocsin, "restarted")
    await tocsin.post("master-key/rotate")
    assert len(key_file(tocsin).read_text().split()) == 1
    await works(tocsin, "changed")


async def test_a_file_that_is_gone_is_told_at_once(tocsin: Tocsin) -> None:
    """While the server still has the key, and not at the next start; and nothing is changed."""
    key_file(tocsin).unlink()
    refused = await tocsin.ask("POST", "master-key/rotate")
    assert refused.json()["error"]["code"] == "master_key_missing"
    assert not key_file(tocsin).exists()
