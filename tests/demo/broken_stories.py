"""Stories in which something does not go as it should: real servers and receivers, in this process."""

import asyncio
import io
import threading
from pathlib import Path
from typing import Final

import pytest

from tocsin.cli.address import Address
from tocsin.cli.client import Client
from tocsin.cli.shell import Shell
from tocsin.clock import SystemClock
from tocsin.demo.plot import Plot
from tocsin.demo.stage import Stage, set_stage
from tocsin.demo.story import NotSeen, Story
from tocsin.demo.transcript import Transcript
from tocsin.secret import Secret

CLOCK: Final = SystemClock()


class Reopener(io.StringIO):
    """What is printed; as soon as that is the acknowledgement, somebody reopens the incident."""

    stage: Stage

    def write(self, text: str) -> int:
        if "Acknowledged by" in text:
            threading.Thread(target=self._reopen).start()
        return super().write(text)

    def _reopen(self) -> None:
        token = Secret((self.stage.home / "admin.token").read_text().strip())
        Client(Address(self.stage.url, token)).post("/incidents/1/reopen")


async def tell(home: Path, plot: Plot, out: io.StringIO) -> str:
    """Return what was not seen."""
    shell = Shell(env={}, out=out, err=out, now=CLOCK.now(), clock=CLOCK)
    async with set_stage(home, clock=CLOCK, plot=plot) as stage:
        if isinstance(out, Reopener):
            out.stage = stage
        with pytest.raises(NotSeen) as caught:
            await Story(stage, Transcript(shell)).tell()
    return caught.value.message


async def tell_all(folder: Path) -> dict[str, str]:
    """Return what was missing in each story; all are told at once."""
    never, at_once = Plot(pager_answers=(500,)), Plot(pager_answers=(200,))
    stories = {
        "fails for ever": tell(folder / "1", never, io.StringIO()),
        "never fails": tell(folder / "2", at_once, io.StringIO()),
        "reopened": tell(folder / "3", Plot(), Reopener()),
    }
    return dict(zip(stories, await asyncio.gather(*stories.values()), strict=True))
