"""Several processes of one server on one address: started, started again when they end, and stopped together.

The one that starts them opens the socket on which all of them listen, and nothing of the database.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar, Final

from tocsin.errors import TocsinError
from tocsin.settings import Settings
from tocsin.store.place import prepare_folder, sole_server
from tocsin.wiring.listening import listening
from tocsin.wiring.logs import LogMask, set_up_logs
from tocsin.wiring.seat import Seat, says_ready

AGAIN_SECONDS: Final = (0.2, 1.0, 2.0, 5.0, 15.0)
"""How long a process that ended stays away: longer each time, so that a fault burns no processor."""
_END_SECONDS: Final = 5.0
"""How long a process that could not start may take to end by itself."""
_SOUND_SECONDS: Final = 60.0
"""Who ran for so long begins with the shortest wait again."""
logger = logging.getLogger(__name__)


class ProcessesNeedPostgreSQL(TocsinError):
    """An SQLite file has one server, and that one process."""

    code: ClassVar[str] = "processes_need_postgresql"
    status_hint: ClassVar[int] = 500


def supervise(
    settings: Settings, *, count: int, options: Sequence[str], first_options: Sequence[str]
) -> int:
    """Run `count` processes of `tocsin serve` until SIGINT or SIGTERM; return the exit code.

    `options` are for all of them; `first_options` only for the very first start of the first one, which
    alone does what a start does once, and says what it found. The others wait for it.
    Raises: ProcessesNeedPostgreSQL, FolderNotWritable, NetworkFileSystem, AnotherServer, AddressInUse,
    AddressNotOurs.
    """
    if settings.is_on_sqlite:
        raise ProcessesNeedPostgreSQL(
            "Several processes need PostgreSQL: an SQLite file has one server, and that is one process. "
            "Start it without --processes; or move it with tocsin migrate-store --to "
            "postgresql://USER:PASSWORD@HOST/NAME, and set TOCSIN_DATABASE_URL to that URL"
        )
    set_up_logs(settings.log_format, LogMask())
    prepare_folder(settings.home)
    with (
        # The processes hold it, too: nobody else may start here before the last of them has ended.
        sole_server(settings.home / "tocsin.lock") as lock,
        listening(settings.listen) as sock,
    ):
        supervisor = _Supervisor(sock, lock, count, options)
        return asyncio.run(supervisor.run(first_options))


class _Supervisor:
    def __init__(self, sock: socket.socket, lock: int, count: int, options: Sequence[str]) -> None:
        self._sock = sock
        self._lock = lock
        self._count = count
        self._options = tuple(options)
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._lifelines: dict[int, socket.socket] = {}
        self._is_stopping = asyncio.Event()

    async def run(self, first_options: Sequence[str]) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop, number)
        others = range(2, self._count + 1)
        has_begun = await self._start(1, first_options, stdout=None) and all(
            await asyncio.gather(*map(self._start, others))
        )
        if has_begun:
            logger.info("processes.began", extra={"count": self._count})
        elif not self._is_stopping.is_set():
            self._stop(signal.SIGTERM)  # what keeps one from starting was told, and keeps all
        codes = await asyncio.gather(*map(self._keep, list(self._processes)))
        return next((code for code in codes if code), 0)

    async def _start(
        self,
        number: int,
        more: Sequence[str] = (),
        *,
        stdout: int | None = asyncio.subprocess.DEVNULL,
    ) -> bool:
        """Start a process and wait until it answers; False: it ended before, or all are to stop."""
        if self._is_stopping.is_set():
            return False
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        with theirs:
            seat = Seat(number, self._count, self._sock.fileno(), theirs.fileno())
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "tocsin", "serve", *self._options, *more),
                env={**os.environ, **seat.variables},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stdout,
                pass_fds=(seat.listener, seat.lifeline, self._lock),
                start_new_session=True,  # Ctrl-C is for us, who tell them
            )
        logger.info("process.began", extra={"number": number, "pid": process.pid})
        if number in self._lifelines:
            self._lifelines[number].close()
        self._processes[number], self._lifelines[number] = process, ours
        if self._is_stopping.is_set():
            _tell(process, signal.SIGTERM)
        if await says_ready(ours):
            return True
        # It has said why and is about to end: a signal would take the place of its exit code.
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        return False

    async def _keep(self, number: int) -> int:
        """Start a process again whenever it ended, until all are to stop; return its last exit code."""
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            code = _exit_code(await self._processes[number].wait())
            if self._is_stopping.is_set():
                return code
            if loop.time() - began >= _SOUND_SECONDS:
                failures = 0
            wait = AGAIN_SECONDS[min(failures, len(AGAIN_SECONDS) - 1)]
            failures += 1
            facts = {"number": number, "exit_code": code, "again_in_seconds": wait}
            logger.error("process.ended", extra=facts)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._is_stopping.wait()
                    return code
            try:
                is_back = await self._start(number)
            except OSError as error:  # no memory, or no descriptor left: the others go on
                logger.error(  # noqa: TRY400 - a machine that is short of something is no bug to trace
                    "process.not_started", extra={"number": number, "cause": str(error)}
                )
                continue
            if is_back:
                logger.warning("process.is_back", extra={"number": number})

    def _stop(self, number: int) -> None:
        """Let all of them stop gracefully; asked a second time, at once."""
        is_second = self._is_stopping.is_set()
        self._is_stopping.set()
        self._sock.close()  # the last of them closes it for good, and whoever comes then is refused
        for process in self._processes.values():
            _tell(process, signal.SIGKILL if is_second else number)


def _tell(process: asyncio.subprocess.Process, number: int) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(number)


def _exit_code(code: int) -> int:
    """Return what a shell makes of a process' end."""
    return code if code >= 0 else 128 - code
