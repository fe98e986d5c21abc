"""Which of several processes of one server this is, and what it got from the one that started it."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Self

VARIABLE: Final = "TOCSIN_PROCESS"
"""No setting: `tocsin serve --processes` gives it to the processes that it starts."""
_READY: Final = b"+"


@dataclass(frozen=True, slots=True)
class Seat:
    """One of many processes. Both descriptors are open in it from its start on."""

    number: int
    """From 1."""
    of: int
    listener: int
    """The socket on which all of them listen."""
    lifeline: int
    """A socket whose other end the process that started this one holds: it closes when that one is gone."""

    @classmethod
    def of_environment(cls, env: Mapping[str, str]) -> Self | None:
        """Return what this process was given; None: it is the only one."""
        given = env.get(VARIABLE)
        return cls(*map(int, given.split(" "))) if given else None

    @property
    def variables(self) -> Mapping[str, str]:
        """What `of_environment` reads."""
        return {VARIABLE: f"{self.number} {self.of} {self.listener} {self.lifeline}"}


class Lifeline:
    """A process' end of its tie to the one that started it. For use on the loop."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def say_ready(self) -> None:
        """Say that this process answers."""
        self._sock.send(_READY)


@contextmanager
def lifeline(seat: Seat, *, on_orphaned: Callable[[], None]) -> Iterator[Lifeline]:
    """Tell when the process that started this one is gone, for as long as the block lasts."""
    loop = asyncio.get_running_loop()
    with socket.socket(fileno=seat.lifeline) as sock:
        sock.settimeout(0)

        def orphaned() -> None:  # nothing is ever sent this way, so it was closed
            loop.remove_reader(sock)
            on_orphaned()

        loop.add_reader(sock, orphaned)
        try:
            yield Lifeline(sock)
        finally:
            loop.remove_reader(sock)


async def says_ready(other_end: socket.socket) -> bool:
    """Wait until a process answers; False: it ended before it did."""
    try:
        return await asyncio.get_running_loop().sock_recv(other_end, 1) == _READY
    except ConnectionError:
        return False
