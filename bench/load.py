"""A load generator: so many connections, each with one request under way, until all are answered.

python -m bench.load CORE JOB   connects and prints "ready"; at a line of its standard input it sends
                                the job (`bench.processes.Job`, as JSON), and prints what became of it
"""

import asyncio
import json
import sys
import time
from typing import Any, cast

import uvloop

from bench.http_framing import Messages
from bench.machine import Stopwatch, percentile, use_core
from bench.processes import Job


class _Progress:
    def __init__(self, job: Job) -> None:
        self._job = job
        self._next = job.first
        self._end = job.first + job.count
        self._open = job.connections
        self.accepted = 0
        self.refused = 0
        self.refusal = ""
        self.took: list[float] = []
        self.watch = Stopwatch()
        self.finished = asyncio.Event()

    def next_request(self) -> tuple[bytes, int] | None:
        """Return the next request and how many items it has."""
        job, first = self._job, self._next
        items = min(job.per_request, self._end - first)
        if items <= 0:
            return None
        self._next += items
        texts = ",".join([job.item % number for number in range(first, first + items)])
        body = f"{job.opening}{texts}{job.closing}".encode()
        path = job.path % (first % job.spread + 1) if job.spread else job.path
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{job.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body, items

    def answered(self, answer: bytes, items: int, took: float) -> None:
        self.took.append(took)
        if answer.startswith(b"HTTP/1.1 200"):
            self.accepted += items
        else:
            self.refused += 1
            self.refusal = answer.decode("latin-1")[:500]

    def closed(self) -> None:
        self._open -= 1
        if self._open == 0:
            self.finished.set()

    def report(self) -> dict[str, Any]:
        missing = self._job.count - self.accepted
        return {
            "accepted": self.accepted,
            "refused": max(self.refused, missing),
            "refusal": self.refusal or "the server closed the connection",
            "p50_ms": round(percentile(self.took, 50) * 1000, 2),
            "p99_ms": round(percentile(self.took, 99) * 1000, 2),
            "sender_busy": round(self.watch.stop(len(self.took)).busy, 2),
        }


class _Client(asyncio.Protocol):
    def __init__(self, progress: _Progress) -> None:
        self._progress = progress
        self._messages = Messages()
        self._items = 0
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has its own class

    def send(self) -> None:
        request = self._progress.next_request()
        if request is None:
            self._transport.close()
            return
        data, self._items = request
        self._sent_at = time.perf_counter()
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        for answer in self._messages.feed(data):
            took = time.perf_counter() - self._sent_at
            self._progress.answered(answer, self._items, took)
            self.send()

    def connection_lost(self, error: Exception | None) -> None:
        self._progress.closed()


async def _run(job: Job) -> None:
    loop = asyncio.get_running_loop()
    progress = _Progress(job)
    clients = []
    for _ in range(job.connections):
        _, client = await loop.create_connection(lambda: _Client(progress), "127.0.0.1", job.port)
        clients.append(client)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    progress.watch = Stopwatch()
    for client in clients:
        client.send()
    await progress.finished.wait()
    print(json.dumps(progress.report()), flush=True)


if __name__ == "__main__":
    use_core(int(sys.argv[1]))
    uvloop.run(_run(Job(**json.loads(sys.argv[2]))))
