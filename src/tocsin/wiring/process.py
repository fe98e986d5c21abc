"""A process that serves: from its command line to its last breath."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

import uvloop

from tocsin.domain.role import ALL_ROLES, Role
from tocsin.settings import Settings
from tocsin.wiring.logs import LogMask, set_up_logs
from tocsin.wiring.reaching import until_reached
from tocsin.wiring.seat import Lifeline, Seat, lifeline
from tocsin.wiring.serving import Running, running

logger = logging.getLogger(__name__)


def serve(
    settings: Settings,
    *,
    paused: bool,
    forget_secrets: bool,
    on_start: Callable[[Running], None],
    roles: frozenset[Role] = ALL_ROLES,
    seat: Seat | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; then stop gracefully.

    Raises: NewerSchema, when a newer node made it impossible to go on; every refusal of `running`.
    """
    log_mask = LogMask()
    set_up_logs(settings.log_format, log_mask, process=seat.number if seat else None)
    server = running(
        settings,
        paused=paused,
        forget_secrets=forget_secrets,
        log_mask=log_mask,
        roles=roles,
        seat=seat,
    )
    uvloop.run(_serve(settings, server, on_start, seat))


async def _serve(
    settings: Settings,
    starting: AbstractAsyncContextManager[Running],
    on_start: Callable[[Running], None],
    seat: Seat | None,
) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, stopping, number, seat is None)
    with _tied(seat, on_orphaned=stopping.set) as tie:
        if not await until_reached(settings, stopping):
            return
        async with starting as server:
            on_start(server)
            if tie is not None:
                tie.say_ready()
            server.engine.schema_watch.on_refused = stopping.set
            await stopping.wait()
            logger.info("server.stopping", extra={"in_flight": server.engine.courier.in_flight})
        if refusal := server.engine.schema_watch.refusal:
            raise refusal


@contextmanager
def _tied(seat: Seat | None, *, on_orphaned: Callable[[], None]) -> Iterator[Lifeline | None]:
    if seat is None:
        yield None
        return
    with lifeline(seat, on_orphaned=on_orphaned) as tie:
        yield tie


def _stop(stopping: asyncio.Event, number: int, is_alone: bool) -> None:  # noqa: FBT001 - of a handler
    """Stop gracefully; asked a second time, at once: whatever is open is found at the next start.

    One of many processes may hear of the same wish twice, from the system and from the one that started
    it, which ends it at once by itself if that is wished.
    """
    if stopping.is_set() and is_alone:
        os._exit(128 + number)
    stopping.set()
