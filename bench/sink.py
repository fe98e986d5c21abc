"""A receiver in a process of its own: answers 200 at once, keeps a sample of what it was sent.

python -m bench.sink CORE   prints its port, then serves until its standard input ends,
                            then prints what it received as JSON
"""

import asyncio
import json
import os
import sys
from typing import cast

import uvloop

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_SAMPLE_EVERY = 97


class _Counts:
    def __init__(self) -> None:
        self.requests = 0
        self.sample: list[str] = []
        self.ids: set[bytes] = set()


class Receiver(asyncio.Protocol):
    """As little HTTP as a benchmark needs: heads end in an empty line, lengths are given."""

    def __init__(self, counts: _Counts) -> None:
        self._counts = counts
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has its own class

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.index(b"content-length:") + 15
            length = int(head[at : (head + b"\r").index(b"\r", at)])
            total = end + 4 + length
            if len(self._buffer) < total:
                return
            self._take(self._buffer[:total])
            self._buffer = self._buffer[total:]
            self._transport.write(_ANSWER)

    def _take(self, request: bytes) -> None:
        counts = self._counts
        counts.requests += 1
        at = request.find(b"webhook-id: ")
        if at >= 0:
            counts.ids.add(request[at + 12 : request.index(b"\r", at)])
        if counts.requests % _SAMPLE_EVERY == 0:
            counts.sample.append(request.decode("latin-1"))


async def _serve() -> None:
    counts = _Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Receiver(counts), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), lambda: sys.stdin.read(1) or ended.set())
    await ended.wait()
    print(
        json.dumps({"requests": counts.requests, "ids": len(counts.ids), "sample": counts.sample}),
        flush=True,
    )


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[1]) % (os.cpu_count() or 1)})
    uvloop.run(_serve())
