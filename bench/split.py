"""What the parts of a delivery cost that can be measured alone. None of it runs in the figure itself."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count as counting

import uvloop

from bench.filling import AUTH_CODE, WEBHOOKS, sample_alert
from bench.machine import Stopwatch, say
from bench.processes import sink
from tocsin.domain.network import Networks
from tocsin.domain.payload import Body, PayloadProfile, make_body
from tocsin.domain.webhook import Webhook
from tocsin.engine.request import make_exchange
from tocsin.secret import Secret
from tocsin.store.deliveries import Lease
from tocsin.store.schema import to_micros
from tocsin.transport.exchange import Answer, Exchange
from tocsin.transport.sender import Sender


@dataclass(frozen=True, slots=True)
class Parts:
    """Units: microseconds of CPU time a delivery; bytes."""

    body_us: float
    signing_us: float
    transport_us: float
    body_length: int


def measure_parts(count: int) -> Parts:
    """Measure making the body, signing, and sending, each alone, `count` times."""
    say(f"measuring the parts of {count:,} deliveries, each alone ...")
    now = datetime.now(UTC)
    fields = sample_alert(now).fields
    incident = counting(1)

    def one_body() -> Body:
        return make_body(PayloadProfile.WIRE, incident=next(incident), alert=fields)

    body = one_body()
    with sink() as receiver:
        webhooks = [_webhook(number, receiver.port) for number in range(1, WEBHOOKS + 1)]
        number = counting(1)

        def one_exchange() -> Exchange:
            n = next(number)
            lease = _lease(n, body, to_micros(now))
            return make_exchange(
                lease, webhooks[n % WEBHOOKS], now=now, is_cancelled=lambda: n in _NONE
            )

        return Parts(
            body_us=_cpu_us(count, one_body),
            signing_us=_cpu_us(count, one_exchange),
            transport_us=uvloop.run(_send([one_exchange() for _ in range(count)])),
            body_length=len(body.form),
        )


_NONE: frozenset[int] = frozenset()


def _webhook(number: int, port: int) -> Webhook:
    return Webhook(
        id=number,
        slug=f"w{number}",
        name=f"w{number}",
        url=f"http://127.0.0.1:{port}/hooks/{number}",
        auth_code=Secret(AUTH_CODE),
    )


def _lease(number: int, body: Body, at: int) -> Lease:
    return Lease(
        id=number,
        delivery_id=number,
        webhook_id=number % WEBHOOKS,
        incident=number,
        attempt=1,
        started_at=at,
        first_attempt_at=at,
        planned_at=at,
        body_id=number,
        form=body.form,
        signed_text=body.signed_text,
    )


def _cpu_us(count: int, work: Callable[[], object]) -> float:
    began = time.thread_time()
    for _ in range(count):
        work()
    return (time.thread_time() - began) / count * 1e6


async def _send(exchanges: list[Exchange]) -> float:
    """Send them all, as many at once as the engine does; return the CPU time of one."""
    sender = Sender(networks=Networks.parse("loopback"))
    left = iter(exchanges)
    ended = asyncio.Event()
    answered = 0

    def one_more() -> None:
        if (exchange := next(left, None)) is not None:
            sender.start(exchange, on_answer)

    def on_answer(answer: Answer) -> None:
        nonlocal answered
        if not answer.outcome.is_delivered:
            raise SystemExit(f"a request was not answered: {answer.reason}")
        answered += 1
        if answered == len(exchanges):
            ended.set()
        one_more()

    watch = Stopwatch()
    for _ in range(_AT_ONCE):
        one_more()
    await ended.wait()
    spent = watch.stop(len(exchanges))
    await sender.close()
    return spent.cpu_us


_AT_ONCE = WEBHOOKS * 4
