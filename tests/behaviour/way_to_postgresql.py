"""A way to PostgreSQL that the test may cut off without a word, or close with the server's own words."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

T = TypeVar("T")

_SSL_REQUESTED = 80877103  # source: PostgreSQL's documentation, "Message Formats", SSLRequest


class WayToPostgresql:
    """Passes bytes on between a port of loopback and the server behind a URL, on a thread of its own.

    A server's start waits for its database on the loop, so whoever leads there cannot be on it.
    """

    def __init__(self, url: str) -> None:
        self._target = sa.make_url(url)
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = asyncio.Event()
        self._refusal: tuple[str, str] | None = None
        self._port = 0
        self._is_stalled = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        """The same database, by this way."""
        ours = self._target.set(host="127.0.0.1", port=self._port, query={})
        return ours.render_as_string(hide_password=False)

    def stall(self) -> None:
        """Pass nothing on any more, and tell nobody."""
        self._is_stalled = True
        self._do(self._stall())

    def go_on(self) -> None:
        """Lead new connections to the server again; those that there are stay where they are."""
        self._is_stalled = False
        self._do(self._stall())

    def refuse(self, code: str, message: str) -> None:
        """Close what there is, and turn new ones away as a server does."""
        self._refusal = code, message
        self._do(self._close_all())

    def let_in(self) -> None:
        self._refusal = None

    @contextmanager
    def leading(self) -> Iterator[None]:
        """Be there for as long as the block lasts."""
        self._thread.start()
        server = self._do(self._begin())
        try:
            yield
        finally:
            self._do(self._end(server))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _begin(self) -> asyncio.Server:
        self._is_open.set()
        server = await asyncio.start_server(self._met, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        return server

    async def _end(self, server: asyncio.Server) -> None:
        server.close()
        await self._close_all()

    async def _stall(self) -> None:
        self._is_open.clear()
        self._is_open = asyncio.Event()
        if not self._is_stalled:
            self._is_open.set()

    async def _close_all(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._lead(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusal is not None:
            await _turn_away(reader, writer, *self._refusal)
            return
        is_open = self._is_open
        server_reader, server_writer = await self._connect()
        try:
            await asyncio.gather(
                _pass_on(reader, server_writer, is_open), _pass_on(server_reader, writer, is_open)
            )
        finally:
            server_writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host = self._target.host or str(self._target.query["host"])
        port = self._target.port or 5432
        if host.startswith("/"):
            return await asyncio.open_unix_connection(str(Path(host) / f".s.PGSQL.{port}"))
        return await asyncio.open_connection(host, port)


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_open: asyncio.Event
) -> None:
    while part := await reader.read(65536):
        await is_open.wait()
        writer.write(part)
        await writer.drain()
    writer.close()


async def _turn_away(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, code: str, message: str
) -> None:
    """Answer whoever connects with an error, and close."""
    while True:
        length = int.from_bytes(await reader.readexactly(4))
        body = await reader.readexactly(length - 4)
        if int.from_bytes(body[:4]) != _SSL_REQUESTED:
            break
        writer.write(b"N")
    fields = (f"SFATAL\0VFATAL\0C{code}\0M{message}\0\0").encode()
    writer.write(b"E" + (len(fields) + 4).to_bytes(4) + fields)
    await writer.drain()
