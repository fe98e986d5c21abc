"""Calls the heartbeats that peers have for this installation, as long as this server is well.

Who hangs, is paused, is late or cannot write does not call, and so the peer pages. Each node calls: an installation
is silent when all of its nodes are.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from tocsin.actions.incident_set import ContextSource
from tocsin.actions.watched import tell_peering
from tocsin.clock import Clock
from tocsin.domain.watch import (
    AGAIN_AFTER,
    CALL_EVERY,
    Peer,
    Peering,
    WatchState,
    WhyNot,
    call_head,
    changed,
)
from tocsin.store.database import Tx
from tocsin.store.writer import StoreUnavailable, Writer, is_unavailable
from tocsin.transport.exchange import Destination, Exchange
from tocsin.transport.sender import Sender

CONNECT_SECONDS: Final = 5.0
TOTAL_SECONDS: Final = 10.0
_EVENTS: Final = {WatchState.FAILING: "watch.failing", WatchState.WITHHELD: "watch.withheld"}
logger = logging.getLogger(__name__)


class Watch:
    """One node's part in the mutual watch. For use on the loop, but for `peerings` and `count`."""

    def __init__(
        self,
        peers: Sequence[Peer],
        writer: Writer,
        sender: Sender,
        clock: Clock,
        context_source: ContextSource,
        *,
        node: str,
        version: str,
        proof: Callable[[Tx], object],
    ) -> None:
        """`proof` is written before each round, so that who cannot write falls silent."""
        self._peers = peers
        self._writer = writer
        self._sender = sender
        self._clock = clock
        self._context_source = context_source
        self._body = f"Tocsin {version} on {node}".encode()
        self._version = version
        self._proof = proof
        self.peerings = [Peering(peer.name, WatchState.NOT_CALLED) for peer in peers]
        self.is_calling = False
        self._running: asyncio.Task[None] | None = None

    def begin(self, why_not: WhyNot) -> None:
        """Call from now on; `why_not` is asked before each round, on a thread of its own."""
        if self._peers:
            self._running = asyncio.create_task(self._go_on(why_not), name="tocsin-watch")

    def end(self) -> None:
        """Call no more."""
        if self._running is not None:
            self._running.cancel()

    async def _go_on(self, why_not: WhyNot) -> None:
        while True:
            self.is_calling = True
            try:
                await self._round(why_not)
            except Exception:
                logger.exception("watch.broken")
            self.is_calling = False
            is_well = all(each.state is WatchState.REACHED for each in self.peerings)
            wait = CALL_EVERY if is_well else AGAIN_AFTER
            await self._clock.sleep(wait)

    async def _round(self, why_not: WhyNot) -> None:
        reasons = await self._reasons(why_not)
        if reasons:
            cause = "; ".join(reasons)
            found = [Peering(peer.name, WatchState.WITHHELD, cause) for peer in self._peers]
        else:
            found = list(await asyncio.gather(*map(self._call, self._peers)))
        before, self.peerings = self.peerings, found
        for was, now in zip(before, found, strict=True):
            if changed(was, now):
                await self._tell(now)

    async def _reasons(self, why_not: WhyNot) -> Sequence[str]:
        """Return why this server is not well, having asked the store to prove that it takes writes."""
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                reasons = await asyncio.to_thread(why_not)
                if not reasons:
                    await asyncio.wrap_future(self._writer.submit(self._proof))
        except TimeoutError:
            return [f"the store did not answer within {TOTAL_SECONDS:.0f} s"]
        except Exception as error:
            if is_unavailable(error):
                return [f"the store fails: {error}".splitlines()[0]]
            raise
        return reasons

    async def _call(self, peer: Peer) -> Peering:
        exchange = Exchange(
            destination=Destination.of_url(peer.parts),
            head=call_head(peer.parts, length=len(self._body), version=self._version),
            body=self._body,
            connect_timeout=CONNECT_SECONDS,
            total_timeout=TOTAL_SECONDS,
            is_cancelled=lambda: False,
            is_fresh=True,
        )
        answer = await self._sender.send(exchange)
        if 200 <= answer.status <= 299:
            return Peering(peer.name, WatchState.REACHED)
        if answer.status == 404:
            cause = "it knows no such heartbeat, or the alert key in the URL is not in force there"
        else:
            cause = f"HTTP {answer.status}" if answer.status else answer.reason
        return Peering(peer.name, WatchState.FAILING, cause)

    async def _tell(self, peering: Peering) -> None:
        """Log a change once, and write it down for the feed, if the store takes it."""
        facts = {"peer": peering.name, "cause": peering.cause}
        if peering.state is WatchState.REACHED:
            logger.info("watch.works_again", extra={"peer": peering.name})
        else:
            logger.error(_EVENTS[peering.state], extra=facts)

        def tell(tx: Tx) -> None:
            tell_peering(tx, self._context_source(tx), peering)

        try:
            await asyncio.wrap_future(self._writer.submit(tell))
        except StoreUnavailable as error:
            logger.warning("watch.not_told", extra={"cause": error.message})
