"""No secret is where it does not belong, whatever happened: a whole server's life, and a search."""

from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin
from tests.manual_clock import ManualClock
from tests.secrets.hunting import hunt, told
from tests.secrets.life import LINKS, MARKER, URLS, Life, listening_to_logs
from tests.secrets.talkative import Talkative

from tocsin.wiring.logs import LogMask

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def life(
    postgresql: str | None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Life, dict[str, bytes]]:
    """A life that was lived, and all that is left of it, by place."""
    folder = tmp_path_factory.mktemp("life")
    (folder / "home").mkdir()
    receiver, mask = Talkative(), LogMask()
    await receiver.start()
    tocsin = Tocsin(folder / "home", ManualClock(), receiver)
    life = Life(tocsin, receiver, postgresql)
    with listening_to_logs(mask) as logs:
        try:
            places = await _live(life, mask, copy=folder / "copy.db")
        finally:
            await tocsin.stop()
            await receiver.stop()
    places |= {f"the log as {form}": log.getvalue().encode() for form, log in logs.items()}
    places |= {f"refusal {number}": text for number, text in enumerate(life.refusals)}
    places |= {f"what receivers got, {number}": body for number, body in enumerate(receiver.bodies)}
    places |= {
        f"headers receivers got, {number}": head for number, head in enumerate(receiver.heads)
    }
    return life, places


async def _live(life: Life, mask: LogMask, *, copy: Path) -> dict[str, bytes]:
    await life.begin(mask)
    await life.configure()
    await life.page()
    await life.be_asked_oddly()
    await life.change_master_key()
    await life.leave_a_mark()
    await life.look()
    places = {**life.answers, **life.files(copy), **life.rows()}
    await life.break_down()
    return places


async def test_what_is_no_secret_is_found_wherever_it_came(
    life: tuple[Life, dict[str, bytes]],
) -> None:
    """The control: these places hold what happened, and a search of them finds it."""
    lived, places = life
    found = {find.place for find in hunt(places, {"marker": MARKER})}
    expected = {
        *("the log as text", "the log as json", "an export without secrets", "a reader's changes"),
        *("a reader's webhooks", "a reader's refused-alerts", "the table alerts"),
        *(
            "the table bodies",
            "the table changes",
            "the table refused_alerts",
            "the table webhooks",
        ),
    }
    expected.add("a backup")
    if not lived.postgresql:
        expected |= {"tocsin.db-wal", "tocsin.db"}
    assert expected <= found
    assert any(place.startswith("refusal ") for place in found)
    assert any(place.startswith("what receivers got") for place in found)
    assert any(place.startswith("a reader's deliveries/") for place in found)
    # These name rows and count, and hold no text.
    assert b"tocsin_build_info" in places["/metrics"]
    assert b"timeline" in places["the table feed"]


async def test_no_secret_is_anywhere(life: tuple[Life, dict[str, bytes]]) -> None:
    """In no log, metric, refusal, export, audit row, feed, timeline, row, file, log of writes or backup."""
    lived, places = life
    finds = [
        find
        for name, place in places.items()
        for find in hunt({name: place}, lived.secrets)
        if find.secret not in _may_be_in(name)
    ]
    assert not finds, told(finds)


def _may_be_in(place: str) -> frozenset[str]:
    """Return the secrets that a place is there to hold, or to show."""
    if place.startswith(("an administrator's deliveries/", "an export without secrets")):
        return URLS  # the administrators' own; a file without them could not be applied
    if place.startswith(("what receivers got", "the table bodies", "tocsin.db", "a backup")):
        return LINKS  # they are for receivers' people, and bodies are kept as they were sent
    return frozenset()
