"""Receivers and load generators: processes of their own, on the core that is not measured."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from typing import IO, Any, cast

from bench.machine import EVERYWHERE, THEIRS


class Sink:
    """A receiver that answers 200 at once, or many of which some misbehave."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._to = cast("IO[str]", process.stdin)
        self._from = cast("IO[str]", process.stdout)
        self.process_id = process.pid
        self.port = int(self._from.readline())

    def report(self) -> dict[str, Any]:
        """Return what came in so far: `requests`, distinct `ids`, and a `sample` of raw requests."""
        return self._ask("")

    def heal(self) -> None:
        """Let all behave from now on."""
        self._ask("heal")

    def _ask(self, line: str) -> dict[str, Any]:
        print(line, file=self._to, flush=True)
        found: dict[str, Any] = json.loads(self._from.readline())
        return found


@contextmanager
def sink(ways: Mapping[str, str] | None = None, *, everywhere: bool = False) -> Iterator[Sink]:
    """Run a receiver for as long as the block lasts, on one core unless it may be `everywhere`.

    `ways`: how it misbehaves at which path.
    """
    core = EVERYWHERE if everywhere else str(THEIRS)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.sink", core, json.dumps(ways or {})],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Sink(process)
    finally:
        process.kill()
        process.communicate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Requests to send: each POSTs `per_request` items, the next as soon as the last is answered.

    `%d` in `path` becomes 1 to `spread`, in turn. `item` has one `%08d`, the number of the item,
    which counts from `first`; items stand between `opening` and `closing`, with commas between.
    """

    port: int
    path: str
    item: str
    count: int
    first: int = 0
    connections: int = 100
    spread: int = 0
    per_request: int = 1
    opening: str = ""
    closing: str = ""


class Load:
    """A load generator that is connected and waits."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self) -> dict[str, Any]:
        """Send it all. Returns `accepted` items, the requests' latencies, how busy its core was.

        Raises: SystemExit, when anything was not answered with a success.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"go\n")
        line = await self._process.stdout.readline()
        if not line:
            raise SystemExit("the load generator ended without a word; see above")
        found: dict[str, Any] = json.loads(line)
        if found["refused"]:
            raise SystemExit(f"{found['refused']} requests were refused: {found['refusal']}")
        return found


@asynccontextmanager
async def load(job: Job) -> AsyncIterator[Load]:
    """Start a load generator and let it connect."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.load", str(THEIRS), json.dumps(asdict(job))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield Load(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
