"""Group commit: one thread, one connection, and every piece of work that queued meanwhile in one fsync.

A piece of work is a function of the transaction. It succeeds or fails alone, in a savepoint of its
own; whether it is on disk is the same for all of a group. Nobody learns a result before the commit.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ClassVar, TypeVar

import sqlalchemy as sa

from tocsin.clock import Clock
from tocsin.errors import TocsinError
from tocsin.store.database import Database, Failed, News, Tx, is_store_failure
from tocsin.store.fates import save_fates
from tocsin.store.feed import publish
from tocsin.store.postgresql import is_deadlock

T = TypeVar("T")
logger = logging.getLogger(__name__)
MOST_IN_A_GROUP = 256
MOST_BEFORE_IDLE_WORK = 100
"""Groups that may go before work that waits for an idle moment: without a limit, one might never come."""
MOST_TRIES = 4
"""Of what PostgreSQL gives up so that another node can go on; after that it is a failure of the store."""
APART_SECONDS = 10.0
"""How long each piece has a transaction of its own after that: to find out costs everybody a second."""


class _Deadlock(Exception):
    """Others hold what this needs, and wait for what it holds. Nothing was changed."""


class StoreUnavailable(TocsinError):
    """The database did not take it: disk full, read-only, connection lost. Nothing was changed."""

    code: ClassVar[str] = "store_unavailable"
    status_hint: ClassVar[int] = 503

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"the database could not take this ({cause}): nothing was changed, try again",
            cause=cause,
        )


def is_unavailable(error: BaseException) -> bool:
    """Return whether the store failed: told by a writer, or by the database itself."""
    return isinstance(error, StoreUnavailable) or is_store_failure(error)


class WriterStopped(StoreUnavailable):
    """The process is about to end and takes no more work."""


class _Piece:
    """A piece of work, and who waits for it."""

    __slots__ = ("future", "outcome", "work")

    def __init__(self, work: Callable[[Tx], Any]) -> None:
        self.work = work
        self.future: Future[Any] = Future()
        self.outcome: tuple[bool, Any] = (False, None)


class Writer:
    """A thread that owns the write connection. `on_commit` is told what each commit made true."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        on_commit: Callable[[News], None],
        before_commit: Callable[[Tx], None] | None = None,
    ) -> None:
        """`before_commit` adds to every transaction, at its end."""
        self._database = database
        self._clock = clock
        self._on_commit = on_commit
        self._before_commit = before_commit
        self._urgent: deque[_Piece] = deque()
        self._ordinary: deque[_Piece] = deque()
        self._idle: deque[_Piece] = deque()
        self._gone_before_idle = 0
        self._wake = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="tocsin-writer", daemon=True)
        self._has_overwritten = False
        self._apart_until = 0.0
        self.last_error: str | None = None
        """Why the last commit failed; None when it did not."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what has been submitted, then end. Later work is refused."""
        with self._wake:
            self._is_stopping = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()

    def submit(
        self, work: Callable[[Tx], T], *, urgent: bool = False, idle: bool = False
    ) -> "Future[T]":
        """Let `work` join the next group; the future is done when it is on disk.

        Urgent work goes first. Idle work is a group of its own, for when nothing else waits. The future raises
        what `work` raised, or StoreUnavailable.
        """
        piece = _Piece(work)
        with self._wake:
            if self._is_stopping:
                piece.future.set_exception(WriterStopped("the server is stopping"))
                return piece.future
            queue = self._urgent if urgent else self._idle if idle else self._ordinary
            queue.append(piece)
            self._wake.notify()
        return piece.future

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for a group."""
        return len(self._urgent) + len(self._ordinary) + len(self._idle)

    def _run(self) -> None:
        while taken := self._next_group():
            # Whoever gave up before it was begun is spared it; from here on nobody can give up.
            group = [piece for piece in taken if piece.future.set_running_or_notify_cancel()]
            if self._clock.monotonic() < self._apart_until:
                for piece in group:
                    self._do_all([piece])
            else:
                self._do_all(group)

    def _do_all(self, group: list[_Piece], *, tries: int = 1) -> None:
        """Commit, and answer everybody.

        Each piece locks in the order that all keep, but the next one begins anew: two nodes' groups may wait
        for each other. The one that PostgreSQL gives up is done again, each piece in a transaction of its own, as
        is all else for a while.
        """
        try:
            news = self._commit(group, may_give_up=tries == MOST_TRIES)
        except _Deadlock:
            self._apart_until = self._clock.monotonic() + APART_SECONDS
            for piece in group:
                self._do_all([piece], tries=tries + 1)
            return
        if news is not None:
            self._tell(news)
        for piece in group:
            succeeded, value = piece.outcome
            if succeeded:
                piece.future.set_result(value)
            else:
                piece.future.set_exception(value)

    def _tell(self, news: News) -> None:
        try:
            self._on_commit(news)
        except Exception:
            logger.exception("commit.not_told")

    def _next_group(self) -> list[_Piece]:
        with self._wake:
            while not (self._urgent or self._ordinary or self._idle):
                if self._is_stopping:
                    return []
                self._wake.wait()
            if self._idle and self._may_be_idle():
                return [self._idle.popleft()]
            group: list[_Piece] = []
            for queue in (self._urgent, self._ordinary):
                while queue and len(group) < MOST_IN_A_GROUP:
                    group.append(queue.popleft())
            return group

    def _may_be_idle(self) -> bool:
        """Whether idle work may go now. For use by who holds the lock."""
        is_idle = not (self._urgent or self._ordinary)
        if is_idle or self._gone_before_idle >= MOST_BEFORE_IDLE_WORK:
            self._gone_before_idle = 0
            return True
        self._gone_before_idle += 1
        return False

    def _commit(self, group: list[_Piece], *, may_give_up: bool) -> News | None:
        try:
            with self._database.write() as tx:
                for piece in group:
                    self._do(piece, tx)
                now = self._clock.now()
                publish(tx, now)
                save_fates(tx, now)
                if self._before_commit is not None:
                    self._before_commit(tx)
        except Exception as error:
            if is_deadlock(error) and not may_give_up:
                raise _Deadlock from error
            self.last_error = _cause(error)
            for piece in group:
                piece.outcome = (False, StoreUnavailable(self.last_error))
            return None
        self.last_error = None
        tx.news.group_size = len(group)
        if tx.news.has_overwritten or self._has_overwritten:
            self._has_overwritten = not self._empty_log()
        return tx.news

    def _empty_log(self) -> bool:
        """Let nothing be left of secrets that were overwritten; what cannot be now is tried again."""
        try:
            return self._database.empty_log()
        except Exception as error:  # noqa: BLE001 - what was committed is committed
            logger.warning("log.not_emptied", extra={"cause": _cause(error)})
            return False

    def _do(self, piece: _Piece, tx: Tx) -> None:
        """Run one piece; if it fails, undo it alone. A failure of the store fails the whole group."""
        done = tx.apart(lambda: piece.work(tx))
        piece.outcome = (False, done.error) if isinstance(done, Failed) else (True, done)


def _cause(error: Exception) -> str:
    text = str(error.orig) if isinstance(error, sa.exc.DBAPIError) else str(error)
    return text.splitlines()[0][:200] if text else type(error).__name__
