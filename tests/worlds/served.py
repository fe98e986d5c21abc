"""Worlds that are served: each is made once a run, and copied for whoever asks."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

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
    async def served(self, name: str, home: Path) -> AsyncIterator[Tocsin]:
        """Serve a copy that lies at `home`, while time stands still there."""
        shutil.copytree(await self.home(name), home)
        async with a_receiver() as receiver:
            tocsin = Tocsin(home, ManualClock(WORLDS[name].now), receiver)
            await tocsin.start(**SETTINGS)
            try:
                yield tocsin
            finally:
                await tocsin.stop()
