"""Receivers that misbehave, on raw sockets in threads of their own, and what is demanded meanwhile.

In its own thread a receiver can pour, drip and stall without the loop's help, and the CPU time of the
loop's thread is the sender's alone.
"""

import asyncio
import select
import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.transport.servers import BODY, HEAD, OK, open_descriptors, plain, sending, to

from tocsin.domain.outcome import Outcome
from tocsin.domain.proxy import Proxy
from tocsin.transport.exchange import Answer, Destination
from tocsin.transport.sender import Sender

SLACK_SECONDS = 4.0
"""By how much a busy machine may miss a limit."""
CPU_SECONDS = 0.5
PEAK_BYTES = 3 * 2**20
MOST_POURED = 64 * 2**20
_PATIENCE_SECONDS = 20.0

Script = Callable[[socket.socket], object]


@dataclass
class Misbehaving:
    """A listening receiver; each connection is in the hands of its script, in a thread of its own."""

    script: Script
    listener: socket.socket
    accepted: int = 0
    threads: list[threading.Thread] = field(default_factory=list)
    mistakes: list[BaseException] = field(default_factory=list)
    is_over: bool = False

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def accept_all(self) -> None:
        while True:
            sock, _ = self.listener.accept()
            if self.is_over:
                sock.close()
                return
            self.accepted += 1
            sock.settimeout(_PATIENCE_SECONDS)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is sent is sent now
            thread = threading.Thread(target=self._serve, args=(sock,))
            self.threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            with sock, suppress(ConnectionError):
                self.script(sock)
        except BaseException as mistake:  # noqa: BLE001 - the test fails with it
            self.mistakes.append(mistake)


@contextmanager
def misbehaving(script: Script, *, small_window: bool = False) -> Iterator[Misbehaving]:
    """Serve each connection with `script`, then close it. A script that fails, fails the test.

    In the end every script must come to its end, so the sender has to close what it opened.
    """
    with socket.socket() as listener:
        if small_window:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        receiver = Misbehaving(script, listener)
        accepting = threading.Thread(target=receiver.accept_all)
        accepting.start()
        try:
            yield receiver
        finally:
            receiver.is_over = True
            socket.create_connection(listener.getsockname()).close()
            accepting.join(_PATIENCE_SECONDS)  # then no thread comes any more
            for thread in receiver.threads:
                thread.join(_PATIENCE_SECONDS)
        assert not receiver.mistakes, receiver.mistakes


# What scripts do.


def hear(sock: socket.socket) -> bytes:
    """Read one whole request; b"" if the sender closes instead."""
    return sock.recv(len(HEAD + BODY), socket.MSG_WAITALL)


def answer_all(sock: socket.socket, data: bytes = OK) -> None:
    """Answer every request with `data`."""
    while hear(sock):
        sock.sendall(data)


def until_closed(sock: socket.socket) -> bytes:
    """Return what the sender says before it closes."""
    heard = b""
    while data := sock.recv(65536):
        heard += data[: 4096 - len(heard)]
    return heard


def pour(sock: socket.socket, data: bytes) -> None:
    """Send `data` over and over until the sender has had enough."""
    poured = 0
    while True:
        sock.sendall(data)
        poured += len(data)
        assert poured < MOST_POURED, "the sender reads without end"


def drip(sock: socket.socket, data: bytes, *, seconds: float = 0.005) -> None:
    """Send `data` byte by byte, until the sender has had enough."""
    for number in range(len(data)):
        sock.sendall(data[number : number + 1])
        readable, _, _ = select.select([sock], [], [], seconds)
        if readable and not sock.recv(1, socket.MSG_PEEK):
            return


def until_reset(sock: socket.socket) -> None:
    """Wait until the sender has reset the connection, and read nothing meanwhile."""
    poll = select.poll()
    poll.register(sock, 0)  # errors and the end of both directions are always told
    assert poll.poll(_PATIENCE_SECONDS * 1000)


def reset(sock: socket.socket) -> None:
    """End the connection the rude way: the other end gets a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def saying(data: bytes) -> Script:
    """Return a script that answers with `data`, and waits until the sender closes."""

    def script(sock: socket.socket) -> None:
        if hear(sock):
            sock.sendall(data)
            until_closed(sock)

    return script


# What is demanded.


async def undergo(
    script: Script,
    *,
    times: int = 1,
    small_window: bool = False,
    peak_bytes: int = PEAK_BYTES,
    at: Callable[[int], Destination] = plain,
    is_proxy: bool = False,
    **changes: Any,
) -> list[Answer]:
    """Send exchanges, one after the other, to a receiver that misbehaves; return their answers.

    `at` makes a destination of the receiver's port. With `is_proxy` it is not the receiver that
    misbehaves, but a proxy on the way.
    Demanded of every ordeal: each exchange ends within its limit; another receiver is served
    meanwhile and afterwards; memory and CPU time stay bounded; no descriptor is left open.
    """
    await _warm_up()
    before = open_descriptors()
    with misbehaving(answer_all) as good, misbehaving(script, small_window=small_window) as bad:
        proxy = Proxy("127.0.0.1", bad.port) if is_proxy else None
        async with sending() as other, sending(proxy=proxy) as sender:
            exchange = to(at(bad.port), **changes)

            async def send_all() -> list[Answer]:
                return [await sender.send(exchange) for _ in range(times)]

            with bounded_costs(peak_bytes=peak_bytes):
                asked = asyncio.create_task(send_all())
                await _check_served(other, good)
                answers = await asked
            await _check_served(other, good)
            if not is_proxy:
                await _check_served(sender, good)
            async with asyncio.timeout(SLACK_SECONDS):
                await sender.close(grace_seconds=2 * SLACK_SECONDS)
    for answer in answers:
        assert answer.total_us < (exchange.total_timeout + SLACK_SECONDS) * 1e6
        assert answer.reason
    assert open_descriptors() - before == set()
    return answers


@contextmanager
def bounded_costs(*, peak_bytes: int = PEAK_BYTES) -> Iterator[None]:
    """Demand that what happens here takes little of this thread's time, and little memory."""
    tracemalloc.start()
    began = time.thread_time()
    try:
        yield
        assert time.thread_time() - began < CPU_SECONDS
        assert tracemalloc.get_traced_memory()[1] < peak_bytes
    finally:
        tracemalloc.stop()


async def _check_served(sender: Sender, good: Misbehaving) -> None:
    answer = await sender.send(to(plain(good.port)))
    assert answer.outcome is Outcome.DELIVERED
    assert answer.total_us < SLACK_SECONDS * 1e6


async def _warm_up() -> None:
    """Let the loop open the descriptors that it opens on first use."""
    with misbehaving(answer_all) as good:
        async with sending() as sender:
            await _check_served(sender, good)
