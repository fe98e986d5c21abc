"""Worlds that are served: each is made once a run, and copied for whoever asks."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin, a_receiver
from tests.manual_clock import ManualClock
from tests.worlds.world import SETTINGS, WORLDS


class Homes:
    """Where worlds lie that have been made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def home(self, name: str) -> Path:
        """Return the home of a world, made if nobody asked for it before. It is not to be changed."""
        home = self._folder / name
        if not home.exists():
            draft = home.with_name(f"{name}-in-the-making")
            shutil.rmtree(draft, ignore_errors=True)
            if origin := WORLDS[name].origin:
                shutil.copytree(await self.home(origin), draft)
            else:
                draft.mkdir(parents=True)
            await WORLDS[name].make(draft)
            draft.rename(home)
        return home

    @asynccontextmanager
    async def served(
        self, name: str, home: Path, *, change: Callable[[Path], None] | None = None
    ) -> AsyncIterator[Tocsin]:
        """Serve a copy that lies at `home`, while time stands still there.

        `change` is done to the copy's database before.
        """
        shutil.copytree(await self.home(name), home)
        if change is not None:
            await asyncio.to_thread(change, home / "tocsin.db")
        async with a_receiver() as receiver:
            tocsin = Tocsin(home, ManualClock(WORLDS[name].now), receiver)
            await tocsin.start(**SETTINGS)
            try:
                yield tocsin
            finally:
                await tocsin.stop()


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    """Where worlds lie; a `conftest.py` whose folder needs them imports this."""
    return Homes(tmp_path_factory.mktemp("worlds"))
