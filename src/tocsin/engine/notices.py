"""Hears what other nodes tell, on a thread of its own, until it is stopped."""

import logging
import threading
import time
from collections.abc import Callable

from tocsin.store.database import Database
from tocsin.store.notices import Notice, hear_notices

_LOOK_SECONDS = 0.1  # how soon it sees that it is to stop
_AGAIN_SECONDS = 1.0
logger = logging.getLogger(__name__)


class Notices:
    """`on_notice` is told, on that thread, of what others did; None: something may have been missed."""

    def __init__(
        self, database: Database, *, run_id: int, on_notice: Callable[[Notice | None], None]
    ) -> None:
        self._database = database
        self._run_id = run_id
        self._on_notice = on_notice
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tocsin-notices", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Hear no more. It may take a moment: not for the loop."""
        self._is_stopping.set()
        self._thread.join()

    def _run(self) -> None:
        is_lost = False
        while not self._is_stopping.is_set():
            try:
                self._hear()
            except Exception as error:  # noqa: BLE001 - whatever it was, the next try may do
                if not is_lost:
                    logger.warning("notices.lost", extra={"cause": str(error).split("\n", 1)[0]})
                is_lost = True
                self._is_stopping.wait(_AGAIN_SECONDS)

    def _hear(self) -> None:
        is_first = True
        for notice in hear_notices(
            self._database, wait_seconds=_LOOK_SECONDS, monotonic=time.monotonic
        ):
            if self._is_stopping.is_set():
                return
            if is_first or (notice is not None and notice.run_id != self._run_id):
                self._on_notice(notice)
            is_first = False
