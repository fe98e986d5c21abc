"""A receiver: answers 200 at once, keeps a sample of what it was sent.

python -m bench.sink CORE WAYS   prints its port, then serves; for each line of its standard input it
                                 prints what it has received by then, as JSON, until that input ends

WAYS, a JSON object, makes it many receivers of which some misbehave: {"/hooks/7": "fail"}. At the line
"heal" all of them behave from then on. One that is "slow" answers as it should, ten seconds later.
"""

import asyncio
import json
import sys
from typing import cast

import uvloop

from bench.http_framing import Messages
from bench.machine import use_core

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_WAYS: dict[str, bytes | None] = {
    "fail": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    "hang": b"",
    "slow": None,
    "babble": b"\x16\x03\x01 this is not HTTP\r\n\r\n",
}
"""What a misbehaving receiver answers."""
_SLOW_SECONDS = 10.0
_SAMPLE_EVERY = 97
_ID = b"webhook-id: "


class _Received:
    def __init__(self, ways: dict[str, str]) -> None:
        self._answers = {path.encode(): _WAYS[way] for path, way in ways.items()}
        self.requests = 0
        self.sample: list[str] = []
        self.ids: set[bytes] = set()

    def heal(self) -> None:
        self._answers = {}

    def answer(self, request: bytes) -> tuple[bytes, float]:
        """Return the answer to a request, and in how long; it counts as received if that is a success."""
        after = 0.0
        if self._answers and (path := request.split(b" ", 2)[1]) in self._answers:
            found = self._answers[path]
            if found is not None:
                return found, after
            after = _SLOW_SECONDS
        self._take(request)
        return _ANSWER, after

    def _take(self, request: bytes) -> None:
        self.requests += 1
        at = request.find(_ID)
        if at >= 0:
            self.ids.add(request[at + len(_ID) : request.index(b"\r", at)])
        if self.requests % _SAMPLE_EVERY == 0:
            self.sample.append(request.decode("latin-1"))

    def report(self) -> str:
        return json.dumps({"requests": self.requests, "ids": len(self.ids), "sample": self.sample})


class _Receiver(asyncio.Protocol):
    def __init__(self, received: _Received) -> None:
        self._received = received
        self._messages = Messages()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has its own class

    def data_received(self, data: bytes) -> None:
        for request in self._messages.feed(data):
            answer, after = self._received.answer(request)
            if after:
                asyncio.get_running_loop().call_later(after, self._transport.write, answer)
            else:
                self._transport.write(answer)


async def _serve(ways: dict[str, str]) -> None:
    received = _Received(ways)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Receiver(received), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()

    def asked() -> None:
        line = sys.stdin.readline()
        if line == "heal\n":
            received.heal()
        if line:
            print(received.report(), flush=True)
        else:
            ended.set()

    loop.add_reader(sys.stdin.fileno(), asked)
    await ended.wait()


if __name__ == "__main__":
    use_core(sys.argv[1])
    uvloop.run(_serve(json.loads(sys.argv[2])))
