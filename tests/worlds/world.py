"""A world: a home that lies on disk, to be copied and served as often as wanted."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.behaviour.harness import Tocsin, a_receiver
from tests.certificates import make, make_ca, serving
from tests.manual_clock import ManualClock
from tests.worlds import few, hostile
from tests.worlds.configured import few_configured
from tests.worlds.copying import copy_configuration, copy_incidents
from tests.worlds.people import ADMINISTRATOR, join

from tocsin.domain.user import UserRole

PUBLIC_URL: Final = "https://tocsin.example.com"
FIRST_INCIDENT: Final = 200_001
"""So that there is room below for `many`."""
SETTINGS: Final[dict[str, Any]] = {"public_url": PUBLIC_URL, "first_incident": FIRST_INCIDENT}
MANY: Final = 10_000
"""How many there are in `many` of everything that grows by itself, or has a list of its own."""
MANY_CONFIGURED: Final = 1_000
"""How many webhooks there are in it; policies, routing keys and heartbeats in proportion."""


class World(NamedTuple):
    """How a world is made, what time it is there, and which one it is made of, if not of nothing."""

    make: Callable[[Path], Awaitable[None]]
    now: datetime
    origin: str = ""


async def make_empty(home: Path) -> None:
    """Make the world of somebody who has just started the server."""
    async with a_receiver() as receiver:
        tocsin = await Tocsin(home, ManualClock(few.BEGINS), receiver).start(**SETTINGS)
        await join(tocsin, ADMINISTRATOR, UserRole.ADMINISTRATOR)
        await tocsin.stop()


async def make_few(home: Path) -> None:
    """Make the world of a small company."""
    ca = make_ca("Example Company CA")
    certificate = make(names=("127.0.0.1",), issuer=ca)
    async with a_receiver(tls=serving(certificate)) as with_tls:

        def configured(receiver: str) -> str:
            return few_configured(receiver, with_tls.url(""), ca.pem)

        await _live(home, few.BEGINS, configured, few.happen_to_few)
        assert not with_tls.refused


async def make_many(home: Path) -> None:
    """Make the world of a large company after years, out of that of a small one."""
    copy_incidents(home / "tocsin.db", incidents=MANY, now=few.ENDS)
    copy_configuration(home / "tocsin.db", webhooks=MANY_CONFIGURED, others=MANY, now=few.ENDS)


async def make_hostile(home: Path) -> None:
    """Make a world in which every name, field and answer is an attack, or looks like one."""
    await _live(home, hostile.BEGINS, hostile.hostile_configured, hostile.happen_to_hostile)


WORLDS: Final = {
    "empty": World(make_empty, few.BEGINS),
    "few": World(make_few, few.ENDS),
    "many": World(make_many, few.ENDS, origin="few"),
    "hostile": World(make_hostile, hostile.ENDS),
}


async def _live(
    home: Path,
    begins: datetime,
    configured: Callable[[str], str],
    happen: Callable[[Tocsin], Awaitable[None]],
) -> None:
    """Let a server run from then on, with what is configured, until all has happened."""
    async with a_receiver() as receiver:
        tocsin = await Tocsin(home, ManualClock(begins), receiver).start(**SETTINGS)
        try:
            await tocsin.apply(configured(receiver.url("")))
            await happen(tocsin)
        finally:
            receiver.let_all_go()
            await tocsin.stop()
        assert not receiver.refused, "a signature was wrong"
