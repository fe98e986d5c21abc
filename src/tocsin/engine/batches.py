"""Items gather while the last batch commits; then all of them are the next batch."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Generic, TypeVar

from tocsin.store.database import Tx
from tocsin.store.writer import StoreUnavailable, Writer

T = TypeVar("T")
R = TypeVar("R")


class Batches(Generic[T, R]):
    """A queue in front of the writer: `work` is given whatever has gathered, at most `most`.

    `done` is told of every batch that is on disk, on the loop. When the store fails, the batch goes
    to `refused`. An item that fails alone, found by halving, goes to `poisoned`; the others are done.
    """

    def __init__(
        self,
        writer: Writer,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[Tx, Sequence[T]], R],
        *,
        done: Callable[[Sequence[T], R], None],
        refused: Callable[[Sequence[T], StoreUnavailable], None],
        poisoned: Callable[[T, Exception], None],
        most: int,
    ) -> None:
        self._writer = writer
        self._loop = loop
        self._work = work
        self._done = done
        self._refused = refused
        self._poisoned = poisoned
        self._most = most
        self._waiting: deque[T] = deque()
        self._is_submitted = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, item: T) -> None:
        """Let an item join the next batch."""
        self._waiting.append(item)
        self._submit()

    def _submit(self) -> None:
        if self._is_submitted or not self._waiting:
            return
        self._is_submitted = True
        batch: list[T] = []

        def work(tx: Tx) -> R:
            # Only now is it known what has gathered. Appending goes on meanwhile, on the loop.
            self._gather(batch)
            return self._work(tx, batch)

        self._watch(self._writer.submit(work), batch, is_first=True)

    def _gather(self, batch: list[T]) -> None:
        # Not "while there are any": the loop and the writer's thread may both be taking.
        with suppress(IndexError):
            while len(batch) < self._most:
                batch.append(self._waiting.popleft())

    def _submit_again(self, batch: list[T]) -> None:
        self._watch(self._writer.submit(lambda tx: self._work(tx, batch)), batch, is_first=False)

    def _watch(self, future: "Future[R]", batch: list[T], *, is_first: bool) -> None:
        future.add_done_callback(
            lambda ended: self._loop.call_soon_threadsafe(self._end, ended, batch, is_first)
        )

    def _end(self, ended: "Future[R]", batch: list[T], is_first: bool) -> None:  # noqa: FBT001
        if is_first:
            self._is_submitted = False
        error = ended.exception()
        if error is None:
            self._done(batch, ended.result())
        elif isinstance(error, StoreUnavailable):
            # Also those that it had not come to: the next try would fail as this one did.
            self._gather(batch)
            self._refused(batch, error)
        elif len(batch) > 1:
            middle = len(batch) // 2
            self._submit_again(batch[:middle])
            self._submit_again(batch[middle:])
        elif batch:
            assert isinstance(error, Exception)
            self._poisoned(batch[0], error)
        self._submit()
