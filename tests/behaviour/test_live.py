"""The timeline as it grows: told once, in order, over connections that come and go."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.behaviour.following import signed_in, signed_out
from tests.behaviour.harness import Tocsin, until

pytestmark = pytest.mark.anyio
POLICY: dict[str, Any] = {"main": [("0s", ["pager"])]}


async def on_record(tocsin: Tocsin, **wanted: Any) -> list[str]:
    """The entries that are on record, the oldest first."""
    page = await tocsin.get("timeline", limit=200, **wanted)
    assert page["next_cursor"] is None
    return [each["id"] for each in reversed(page["items"])]


async def test_what_happens_is_told_as_it_happens(tocsin: Tocsin) -> None:
    """In the order in which it is put on record, as an item of the page's own list."""
    await tocsin.configure(POLICY)
    before = await on_record(tocsin)
    browser = await signed_in(tocsin)
    async with browser.connected():
        await tocsin.alert(entity_id="disk")
        await tocsin.act(1, "acknowledge")
        new = (await on_record(tocsin))[len(before) :]
        await browser.until(len(new))
    assert browser.ids == new
    first = next(each.data for each in browser.events if each.name == "entry")
    assert f'id="e{new[0]}"' in first
    assert 'href="/incidents/1"' in first


async def test_over_lost_connections_nothing_is_missed_or_repeated(tocsin: Tocsin) -> None:
    """Whatever happens while nobody is connected, while the first events are read, or after."""
    await tocsin.configure(POLICY)
    known = len(await on_record(tocsin))
    browser, picky = await signed_in(tocsin), await signed_in(tocsin, group="alerts", entity="e1")
    async with browser.connected(), picky.connected():
        await until(lambda: browser.last_id and picky.last_id)
    await tocsin.alert(entity_id="e0")  # nobody is connected
    for turn, most in enumerate((1, 2, 1, 3, 2, 5)):
        async with browser.connected(most=most), picky.connected(most=1):
            await tocsin.alert(entity_id=f"e1-{turn}")
            await browser.until(min(most, 1))
        await tocsin.alert(entity_id=f"e2-{turn}")  # it was lost, with what had been sent by then
    everything = (await on_record(tocsin))[known:]
    alerts = await on_record(tocsin, group="alerts", entity="e1")
    for each, wanted in ((browser, everything), (picky, alerts)):
        async with each.connected():
            await each.until(len(wanted))
        assert each.ids == wanted


async def test_a_place_that_the_page_names_is_where_it_begins(tocsin: Tocsin) -> None:
    """Until the browser has been told of something itself: that goes before."""
    await tocsin.configure(POLICY)
    await tocsin.alert()
    places = await on_record(tocsin)
    browser = await signed_in(tocsin, after=places[0])
    async with browser.connected(most=1) as reading:
        await reading
    assert browser.ids == places[1:2]
    async with browser.connected():
        await browser.until(len(places) - 1)
    assert browser.ids == places[1:]


async def test_one_that_is_too_far_behind_is_told_to_look_at_the_page(
    tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes on from there; also one that names a place which was never given."""
    monkeypatch.setattr("tocsin.web.live.MOST_CAUGHT_UP", 3)
    await tocsin.configure(POLICY)
    await tocsin.alert(entity_id="disk")
    await tocsin.alert(entity_id="cpu")
    places = await on_record(tocsin)
    for after in (places[0], "999999-0"):
        browser = await signed_in(tocsin, after=after)
        async with browser.connected():
            assert (await browser.until_told("behind")).id == places[-1]
            assert not browser.ids
            await tocsin.alert(entity_id=f"after-{after}")
            new = await on_record(tocsin)
            await browser.until(len(new) - len(places))
            assert browser.ids == new[len(places) :]
            places = new


async def test_a_storm_is_not_told_entry_by_entry(
    tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever follows is told that much happened, and what comes after that."""
    monkeypatch.setattr("tocsin.web.live.MOST_AT_ONCE", 5)
    await tocsin.configure(POLICY)
    browser = await signed_in(tocsin)
    async with browser.connected():
        await tocsin.alert(entity_id="first")  # from here on the reader rests
        await browser.until(1)
        await asyncio.gather(
            *(
                tocsin.post_alert({"message_type": "CRITICAL", "entity_id": f"storm-{each}"})
                for each in range(9)
            )
        )
        await tocsin.settle()
        behind = await browser.until_told("behind")
        told = len(browser.ids)
        await tocsin.alert("INFO", "storm-0")
        await browser.until(told + 1)
    places = await on_record(tocsin)
    assert behind.id == places[-2]
    assert browser.ids[-1] == places[-1]


async def test_it_ends_with_the_session(tocsin: Tocsin) -> None:
    """Looked at every quarter of a minute; whoever comes back is asked who it is."""
    browser = await signed_in(tocsin)
    async with browser.connected() as reading:
        await browser.until_told("upto")
        assert not reading.done()
        await signed_out(browser)
        browser.events.clear()
        await tocsin.advance(seconds=15)
        async with asyncio.timeout(20):
            await reading
    answer = await tocsin.http.get("/timeline/live", headers={"accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/sign-in?next=%2Ftimeline%2Flive",
    )


async def test_it_does_not_hold_up_a_stop(tocsin: Tocsin) -> None:
    """Connections that follow end when the server begins to stop; requests have five seconds after that."""
    browsers = [await signed_in(tocsin) for _ in range(3)]
    async with browsers[0].connected() as one, browsers[1].connected() as two:
        async with asyncio.timeout(3):
            await tocsin.stop()
            await one
            await two


@pytest.mark.parametrize("home", ["postgresql"], indirect=True)
async def test_what_another_node_does_is_told_too(
    tocsin: Tocsin, home: Path, tmp_path: Path
) -> None:
    """And a connection that is lost goes on at the other one, without a gap and without a repeat."""
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(home, elsewhere, ignore=shutil.ignore_patterns("*.lock", "server.json"))
    other = Tocsin(elsewhere, tocsin.clock, tocsin.receiver)
    await other.start()
    try:
        await tocsin.configure(POLICY)
        known = len(await on_record(tocsin))
        browser = await signed_in(tocsin)
        async with browser.connected():
            await other.alert(entity_id="disk")
            new = (await on_record(tocsin))[known:]
            await browser.until(len(new))
        await tocsin.alert(entity_id="cpu")
        browser.tocsin = other
        async with browser.connected():
            await tocsin.alert(entity_id="ram")
            new = (await on_record(tocsin))[known:]
            await browser.until(len(new))
        assert browser.ids == new
    finally:
        await other.stop()
