"""Every open connection: the idle ones ready for another exchange, and the time limits of all."""

import asyncio
import sys
from time import monotonic_ns

from tocsin.transport.connection import Connection
from tocsin.transport.exchange import Destination

_NEVER = sys.maxsize
_SHORTEST_WAIT_NS = 10_000_000
_NS_PER_SECOND = 1_000_000_000


class Pool:
    """Keeps connections for reuse, the most recent first, and ends those whose time is up.

    There is one timer, not one a request: it looks at the deadlines of all open connections when
    the earliest of them is due.
    """

    def __init__(self, *, idle_seconds: float, most_idle: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle_ns = int(idle_seconds * _NS_PER_SECOND)
        self._room = most_idle
        self._open: set[Connection] = set()
        self._idle: dict[Destination, list[Connection]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = _NEVER
        self._emptied: asyncio.Future[None] | None = None

    @property
    def open_count(self) -> int:
        return len(self._open)

    def take(self, destination: Destination) -> Connection | None:
        """Return an idle connection to `destination`, no longer idle; None if there is none."""
        idle = self._idle.get(destination)
        while idle:
            self._room += 1
            connection = idle.pop()
            connection.is_kept = False
            if not connection.stirs(0):
                return connection
            connection.close()
        return None

    def add(self, connection: Connection) -> None:
        """Watch over a connection until it says that it has ended, which one that is lost has said.

        Not before somebody has it: of one that is given up while it is made, uvloop says no end.
        """
        if not connection.is_closing:
            self._open.add(connection)

    def close(self) -> None:
        """End idle connections now, and each busy one after its exchange."""
        self._room = -_NEVER
        for connection in list(self._open):
            if connection.is_idle:
                connection.close()

    async def drained(self) -> None:
        """Return when no connection is open."""
        if self._open:
            self._emptied = self._emptied or self._loop.create_future()
            await asyncio.shield(self._emptied)

    def interrupt(self) -> None:
        """End every connection now."""
        for connection in list(self._open):
            connection.interrupt()

    # What connections call.

    def keep(self, connection: Connection) -> bool:
        if self._room <= 0:
            return False
        self._room -= 1
        connection.is_kept = True
        idle = self._idle.get(connection.destination)
        if idle is None:
            self._idle[connection.destination] = [connection]
        else:
            idle.append(connection)
        connection.deadline = monotonic_ns() + self._idle_ns
        self.watch(connection.deadline)
        return True

    def discard(self, connection: Connection) -> None:
        if not connection.is_kept:
            return
        connection.is_kept = False
        self._room += 1
        self._idle[connection.destination].remove(connection)

    def watch(self, deadline: int) -> None:
        """Make sure that a look at the deadlines comes no later than this one (monotonic ns)."""
        if deadline < self._timer_at:
            self._set_timer(deadline)

    def forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        if not self._idle.get(connection.destination, True):
            del self._idle[connection.destination]
        if self._open:
            return
        if self._timer:
            self._timer.cancel()
        self._timer_at = _NEVER
        if self._emptied:
            self._emptied.set_result(None)
            self._emptied = None

    def _set_timer(self, at: int) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer_at = at
        wait = max(at - monotonic_ns(), _SHORTEST_WAIT_NS)
        self._timer = self._loop.call_later(wait / _NS_PER_SECOND, self._look)

    def _look(self) -> None:
        self._timer_at = _NEVER
        now = monotonic_ns()
        for connection in [one for one in self._open if one.deadline <= now]:
            connection.expire(now)
        if self._open:
            self.watch(min(connection.deadline for connection in self._open))
