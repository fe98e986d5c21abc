"""Somebody's browser that follows the timeline, over real connections that can be lost."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
from tests.behaviour.harness import Tocsin

from tocsin.actions.editor import Editor
from tocsin.actions.sessions import begin_session, sign_out
from tocsin.actions.users import add_user
from tocsin.domain.session import Client
from tocsin.domain.user import UserRole
from tocsin.ids import IdSource
from tocsin.secret import Secret
from tocsin.store.database import Tx
from tocsin.web.live import REST
from tocsin.web.visit import SESSION_COOKIE

_IDS = IdSource(node=77)
"""No server's: each of those that run here has a source of its own."""


@dataclass(frozen=True)
class Event:
    """One block of the stream."""

    id: str = ""
    name: str = "message"
    data: str = ""


@dataclass
class Browser:
    """What a browser remembers of a stream: the last id, and all that it was told."""

    tocsin: Tocsin
    session: Secret
    query: Mapping[str, str] = field(default_factory=dict)
    last_id: str = ""
    events: list[Event] = field(default_factory=list)

    @asynccontextmanager
    async def connected(self, *, most: int | None = None) -> AsyncIterator[asyncio.Task[None]]:
        """Read events while the block lasts, or until so many were read; then the connection is lost."""
        began = asyncio.Event()
        reading = asyncio.create_task(self._read(most, began))
        try:
            async with asyncio.timeout(20):
                await asyncio.wait(
                    {reading, asyncio.ensure_future(began.wait())},
                    return_when=asyncio.FIRST_COMPLETED,
                )
            yield reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, most: int | None, began: asyncio.Event) -> None:
        headers = {
            "cookie": f"{SESSION_COOKIE}={self.session.reveal()}",
            "accept": "text/event-stream",
        }
        if self.last_id:
            headers["last-event-id"] = self.last_id
        url, count = self.tocsin.server.url, 0
        async with (
            httpx.AsyncClient(base_url=url, timeout=30) as http,
            http.stream("GET", "/timeline/live", params=self.query, headers=headers) as answer,
        ):
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            began.set()
            event = Event()
            async for line in answer.aiter_lines():
                if not line:
                    if self._tell(event):
                        count += 1
                    if most is not None and count >= most:
                        return
                    event = Event()
                else:
                    event = _with_line(event, line)

    def _tell(self, event: Event) -> bool:
        """As a browser does: an id is remembered, and what has no data is told to nobody."""
        self.last_id = event.id or self.last_id
        if event.data:
            self.events.append(event)
        return event.name == "entry"

    @property
    def ids(self) -> list[str]:
        """The entries that were told, in order."""
        return [each.id for each in self.events if each.name == "entry"]

    async def until(self, entries: int) -> None:
        """Let time go by until so many entries were told."""
        async with asyncio.timeout(20):
            while len(self.ids) < entries:
                self.tocsin.clock.advance(REST)
                await asyncio.sleep(0.002)

    async def until_told(self, name: str) -> Event:
        """Let time go by until an event of this name was told."""
        async with asyncio.timeout(20):
            while not (found := [each for each in self.events if each.name == name]):
                self.tocsin.clock.advance(timedelta(seconds=1))
                await asyncio.sleep(0.002)
        return found[-1]


def _with_line(event: Event, line: str) -> Event:
    name, _, value = line.partition(": ")
    match name:
        case "id":
            return Event(value, event.name, event.data)
        case "event":
            return Event(event.id, value, event.data)
        case "data":
            data = f"{event.data}\n{value}" if event.data else value
            return Event(event.id, event.name, data)
    return event


async def signed_in(tocsin: Tocsin, **query: str) -> Browser:
    """Return the browser of somebody who has signed in and follows what the query asks for."""
    server = tocsin.server
    name = f"vic-{len(query)}-{os.urandom(3).hex()}"

    def begin(tx: Tx) -> Secret:
        editor = Editor(
            actor="test",
            now=tocsin.now,
            ids=_IDS,
            random_bytes=os.urandom,
            vault=server.store.vault,
            networks=server.settings.webhook_networks,
        )
        user = add_user(tx, name=name, role=UserRole.VIEWER, editor=editor)
        return begin_session(tx, user, client=Client("", ""), editor=editor).token

    session = await asyncio.wrap_future(server.engine.writer.submit(begin))
    return Browser(tocsin, session, query)


async def signed_out(browser: Browser) -> None:
    writer = browser.tocsin.server.engine.writer
    now = browser.tocsin.now
    await asyncio.wrap_future(writer.submit(lambda tx: sign_out(tx, browser.session, now=now)))
