"""Batches whose items are awaited one by one: whoever sent an item learns what became of it, once it is on disk."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from tocsin.engine.batches import Batches
from tocsin.errors import TocsinError
from tocsin.store.database import Tx
from tocsin.store.writer import StoreUnavailable, Writer

T = TypeVar("T")
R = TypeVar("R")
MOST_WAITING = 20_000
"""More would wait for longer than their senders do."""


class Awaited(Generic[T, R]):
    """A bounded queue in front of the writer. To be made inside a running loop, and used on it only."""

    def __init__(
        self,
        writer: Writer,
        work: Callable[[Tx, Sequence[T]], Sequence[R]],
        *,
        most: int,
        done: Callable[[Sequence[T], Sequence[R]], None],
        refused: Callable[[int, StoreUnavailable], None],
        poisoned: Callable[[T, Exception], TocsinError],
    ) -> None:
        """`work` returns a result an item; `poisoned` what the sender of one that fails alone is told."""
        self._loop = asyncio.get_running_loop()
        self._told_done = done
        self._told_refused = refused
        self._told_poisoned = poisoned
        self._batches: Batches[tuple[T, asyncio.Future[R]], Sequence[R]] = Batches(
            writer,
            self._loop,
            lambda tx, batch: work(tx, [item for item, _ in batch]),
            done=self._done,
            refused=self._refused,
            poisoned=self._poisoned,
            most=most,
        )

    def __len__(self) -> int:
        return len(self._batches)

    @property
    def is_full(self) -> bool:
        """Whether as many wait as may."""
        return len(self._batches) >= MOST_WAITING

    def add(self, item: T) -> "asyncio.Future[R]":
        """Let an item join the next batch; the future raises StoreUnavailable, or what `poisoned` made."""
        result: asyncio.Future[R] = self._loop.create_future()
        self._batches.add((item, result))
        return result

    def _done(self, batch: Sequence[tuple[T, "asyncio.Future[R]"]], results: Sequence[R]) -> None:
        for (_, waiting), result in zip(batch, results, strict=True):
            if not waiting.done():  # the sender may have gone
                waiting.set_result(result)
        self._told_done([item for item, _ in batch], results)

    def _refused(
        self, batch: Sequence[tuple[T, "asyncio.Future[R]"]], error: StoreUnavailable
    ) -> None:
        self._told_refused(len(batch), error)
        for _, waiting in batch:
            if not waiting.done():
                waiting.set_exception(error)

    def _poisoned(self, item: tuple[T, "asyncio.Future[R]"], error: Exception) -> None:
        sent, waiting = item
        told = self._told_poisoned(sent, error)
        if not waiting.done():
            waiting.set_exception(told)
