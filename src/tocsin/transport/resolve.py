"""Names to addresses: a small pool of threads, one look-up in flight per name, a short memory."""

import asyncio
import socket
import threading
from collections.abc import Callable
from queue import SimpleQueue
from time import monotonic_ns
from typing import NamedTuple

from tocsin.domain.outcome import Outcome
from tocsin.transport.exchange import NotConnected

MOST_THREADS = 32
"""Made when needed. Some names whose DNS servers say nothing must not hold up all others."""
THREADS_FOR_SLOW = 4
"""For names that nobody answered about lately; they wait for each other, and hold up nobody else."""
MOST_STUCK = 96
"""Threads that are at a name which nobody waits for any more are made good, up to so many."""
_SLOW_NS = 300_000_000_000
_REMEMBERED_NS = 5_000_000_000
_MOST_REMEMBERED = 1024
_NO_SUCH_NAME = frozenset(
    getattr(socket, name)
    for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")
    if hasattr(socket, name)
)


class ResolvedAddress(NamedTuple):
    """An address to connect to, as a literal in the system's own spelling."""

    family: int
    ip: str


Addresses = tuple[ResolvedAddress, ...]
LookUp = Callable[[str], Addresses]


def look_up(host: str) -> Addresses:
    """Ask the system. Blocks for as long as its resolver likes. Raises: OSError, UnicodeError."""
    return _addresses(host, 0)


def read_literal(host: str) -> Addresses:
    """Return the address that `host` spells, in any way the system understands; else nothing.

    0x7f.1, 2130706433 and 017700000001 are 127.0.0.1 to every connect, so they are here.
    """
    try:
        return _addresses(host, socket.AI_NUMERICHOST)
    except (OSError, ValueError):
        return ()


def _addresses(host: str, flags: int) -> Addresses:
    found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=flags)
    internet = (socket.AF_INET, socket.AF_INET6)
    addresses = (
        ResolvedAddress(family, str(address[0]))
        for family, _, _, _, address in found
        if family in internet
    )
    return tuple(dict.fromkeys(addresses))


class Resolver:
    """Resolves names without ever blocking the loop, and without a thread per waiting exchange.

    The threads are daemons: a look-up that hangs must not keep the process from ending.
    """

    def __init__(self, look_up: LookUp = look_up) -> None:
        self._loop = asyncio.get_running_loop()
        self._look_up = look_up
        self._questions: SimpleQueue[str | None] = SimpleQueue()
        self._slow_questions: SimpleQueue[str | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._slow_threads: list[threading.Thread] = []
        self._at_work: set[str] = set()
        self._stuck: set[str] = set()
        self._slow: dict[str, int] = {}
        """Until when names that timed out wait for each other (monotonic ns)."""
        self._asked: dict[str, asyncio.Future[Addresses]] = {}
        self._remembered: dict[str, tuple[int, Addresses]] = {}

    def recall(self, host: str) -> Addresses:
        """Return what `host` spells, or what was found for it a moment ago; else nothing."""
        forget_at, addresses = self._remembered.get(host, (0, ()))
        if forget_at > monotonic_ns():
            return addresses
        addresses = read_literal(host)
        if addresses:
            self._remember(host, addresses)
        return addresses

    async def resolve(self, host: str) -> Addresses:
        """Ask for the addresses of `host`: at least one, in the system's order of preference.

        Raises: NotConnected. The caller sets the time limit.
        """
        try:
            return await asyncio.shield(self._asked.get(host) or self._ask(host))
        except asyncio.CancelledError:
            self._give_up(host)
            raise

    def close(self) -> None:
        """Let the threads end, each after the look-up that it is at."""
        for _ in self._threads:
            self._questions.put(None)
        for _ in self._slow_threads:
            self._slow_questions.put(None)

    def _ask(self, host: str) -> asyncio.Future[Addresses]:
        answered: asyncio.Future[Addresses] = self._loop.create_future()
        self._asked[host] = answered
        if self._slow.get(host, 0) > monotonic_ns():
            self._slow_questions.put(host)
            if len(self._slow_threads) < THREADS_FOR_SLOW:
                self._start(self._slow_threads, self._slow_questions)
        else:
            self._questions.put(host)
            self._start_if_needed()
        return answered

    def _start_if_needed(self) -> None:
        if len(self._threads) < min(len(self._asked), MOST_THREADS + len(self._stuck)):
            self._start(self._threads, self._questions)

    def _start(self, threads: list[threading.Thread], questions: "SimpleQueue[str | None]") -> None:
        thread = threading.Thread(
            target=self._work, args=(questions,), name="resolver", daemon=True
        )
        threads.append(thread)
        thread.start()

    def _give_up(self, host: str) -> None:
        """Note that a look-up takes too long. One that had no thread yet is not to blame."""
        if host not in self._at_work or self._slow.get(host, 0) > monotonic_ns():
            return
        self._note_slow(host)
        if len(self._stuck) < MOST_STUCK:
            self._stuck.add(host)
            if not self._questions.empty():
                self._start_if_needed()

    def _note_slow(self, host: str) -> None:
        if len(self._slow) >= _MOST_REMEMBERED:
            self._slow.clear()
        self._slow[host] = monotonic_ns() + _SLOW_NS

    def _work(self, questions: "SimpleQueue[str | None]") -> None:
        while (host := questions.get()) is not None:
            self._at_work.add(host)
            try:
                found: Addresses | NotConnected = self._look_up(host) or _not_found(host)
            except (OSError, ValueError) as error:
                found = _explain(host, error)
            try:
                self._loop.call_soon_threadsafe(self._settle, host, found)
            except RuntimeError:  # the loop was closed while we were asking
                return

    def _settle(self, host: str, found: Addresses | NotConnected) -> None:
        answered = self._asked.pop(host)
        self._at_work.discard(host)
        self._stuck.discard(host)
        if isinstance(found, NotConnected) and found.outcome is Outcome.NAME_TIMED_OUT:
            self._note_slow(host)
        else:
            self._slow.pop(host, None)
        if isinstance(found, NotConnected):
            answered.set_exception(found)
            answered.exception()  # whoever asked may have given up: then nobody need hear of it
            return
        self._remember(host, found)
        answered.set_result(found)

    def _remember(self, host: str, addresses: Addresses) -> None:
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[host] = (monotonic_ns() + _REMEMBERED_NS, addresses)


def _not_found(host: str) -> NotConnected:
    return NotConnected(Outcome.NAME_NOT_FOUND, f"{host} has no address")


def _explain(host: str, error: OSError | ValueError) -> NotConnected:
    if isinstance(error, ValueError):  # no DNS name: a label too long or empty, a NUL
        return NotConnected(Outcome.NAME_NOT_FOUND, f"{host} cannot be a name: {error}")
    is_absent = isinstance(error, socket.gaierror) and error.errno in _NO_SUCH_NAME
    outcome = Outcome.NAME_NOT_FOUND if is_absent else Outcome.NAME_TIMED_OUT
    return NotConnected(outcome, f"{host}: {error.strerror or error}")
