"""Looking at a receiver has limits like any exchange, and goes through the same checks."""

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.behaviour.harness import until
from tests.certificates import NOW, make, make_ca, serving
from tests.transport.servers import (
    LOOPBACK,
    Conversation,
    free_port,
    full_backlog,
    receiving,
    sending,
)
from tests.transport.tls_servers import listening

from tocsin.domain.network import Networks
from tocsin.domain.outcome import Outcome
from tocsin.transport import tls
from tocsin.transport.exchange import Destination
from tocsin.transport.handshake import MOST_BYTES, Handshake
from tocsin.transport.inspector import MOST_AT_ONCE
from tocsin.transport.resolve import Addresses, LookUp, ResolvedAddress, Resolver

ROOT = make_ca("Root")
GOOD = serving(make(issuer=ROOT, names=["127.0.0.1"]))


def at(port: int, *, is_tls: bool = True, host: str = "127.0.0.1") -> Destination:
    return Destination(is_tls, host, port, ROOT.pem if is_tls else None)


async def test_a_receiver_that_says_nothing_is_given_up() -> None:
    """Within the limit, by a look and by a check; and nothing is left open."""
    async with receiving(Conversation.until_closed) as receiver, sending() as sender:
        assert await sender.inspector.look(at(receiver.port), "127.0.0.1", seconds=0.2) is None
        found = await sender.inspector.check(at(receiver.port), connect_seconds=0.2, now=NOW)
    assert found.outcome is Outcome.CONNECT_TIMED_OUT
    assert found.detail == "no TLS connection within 0.2 s"


async def test_a_receiver_that_talks_without_end_is_cut_short() -> None:
    """TLS records that never make a handshake are read up to a cap."""

    async def script(one: Conversation) -> None:
        record = b"\x16\x03\x03\x40\x00" + b"\x0b\x7f\xff\xff" + bytes(0x4000 - 4)
        await one.reader.read(1)
        try:
            for _ in range(64):
                await one.answer(record)
        except ConnectionError:
            pass

    async with receiving(script) as receiver, sending() as sender:
        seen = await sender.inspector.look(at(receiver.port), "127.0.0.1")
    assert seen is not None
    assert not seen.is_complete
    assert seen.chain == ()


async def test_more_bytes_than_any_handshake_has_are_not_read() -> None:
    """Whatever OpenSSL would make of them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    handshake = Handshake(context, "a.example", awaits_verdict=False)
    async with receiving(Conversation.until_closed) as receiver:
        transport, _ = await asyncio.get_running_loop().create_connection(
            asyncio.Protocol, "127.0.0.1", receiver.port
        )
        looking = asyncio.create_task(handshake.with_(transport))
        await asyncio.sleep(0)
        handshake.data_received(b"\x16\x03\x03" + bytes(MOST_BYTES))
        seen = await looking
        transport.close()
    assert seen.error == "it is longer than 256 KiB"


async def test_a_look_goes_through_the_address_check() -> None:
    """An address that webhooks may not reach is not reached by looking, nor is Tocsin itself."""
    async with receiving(Conversation.until_closed) as receiver:
        async with sending(networks=Networks.parse("public")) as sender:
            assert await sender.inspector.look(at(receiver.port), "127.0.0.1") is None
            found = await sender.inspector.check(at(receiver.port), connect_seconds=5, now=NOW)
        own_port = LOOPBACK.apart_from(("0.0.0.0", receiver.port))
        async with sending(networks=own_port) as sender:
            assert await sender.inspector.look(at(receiver.port), "127.0.0.1") is None
            own = await sender.inspector.check(at(receiver.port), connect_seconds=5, now=NOW)
    assert receiver.accepted == 0
    assert found.outcome is own.outcome is Outcome.ADDRESS_REFUSED
    assert [each.refusal for each in found.addresses] == [found.detail]
    assert "is Tocsin itself" in own.addresses[0].refusal
    assert found.connect_us is None


async def test_a_check_tells_each_address() -> None:
    """Those that may be called, and why the others may not."""
    addresses = (
        ResolvedAddress(socket.AF_INET, "169.254.169.254"),
        ResolvedAddress(socket.AF_INET, "127.0.0.1"),
    )
    async with (
        listening(GOOD) as receiver,
        sending(resolver=Resolver(lambda host: addresses)) as sender,
    ):
        found = await sender.inspector.check(
            at(receiver.port, host="a.test"), connect_seconds=5, now=NOW
        )
    first, second = found.addresses
    assert "169.254.169.254" in first.refusal
    assert second.refusal == ""
    assert found.address == "127.0.0.1"
    assert found.outcome is Outcome.CERTIFICATE_REFUSED  # its name is another one


@pytest.mark.parametrize("is_tls", [False, True])
async def test_where_nothing_listens_a_check_ends(is_tls: bool) -> None:  # noqa: FBT001 - named by the table
    """With the outcome that an attempt would have."""
    async with sending() as sender:
        found = await sender.inspector.check(
            at(free_port(), is_tls=is_tls), connect_seconds=5, now=NOW
        )
        with full_backlog() as port:
            late = await sender.inspector.check(
                at(port, is_tls=is_tls), connect_seconds=0.2, now=NOW
            )
    assert found.outcome is Outcome.CONNECTION_REFUSED
    assert (late.outcome, late.detail) == (Outcome.CONNECT_TIMED_OUT, "no connection within 0.2 s")


async def test_a_plain_receiver_is_only_connected_to() -> None:
    """Without TLS a check ends with the connection; not a byte is sent."""
    heard: list[bytes] = []

    async def script(one: Conversation) -> None:
        heard.append(await one.until_closed())

    async with receiving(script) as receiver, sending() as sender:
        found = await sender.inspector.check(
            at(receiver.port, is_tls=False), connect_seconds=5, now=NOW
        )
    assert (found.outcome, found.handshake, heard) == (None, None, [b""])
    assert found.connect_us is not None


async def test_a_name_that_is_not_answered_is_given_up() -> None:
    """The look-up has its own limit."""
    with slow_resolver() as look_up:
        async with sending(resolver=Resolver(look_up), resolve_seconds=0.1) as sender:
            found = await sender.inspector.check(
                at(1, host="slow.test"), connect_seconds=5, now=NOW
            )
    assert (found.outcome, found.resolve_us) == (Outcome.NAME_TIMED_OUT, None)


@contextmanager
def slow_resolver() -> Iterator[LookUp]:
    let_go = threading.Event()

    def look_up(host: str) -> Addresses:
        let_go.wait(20)
        return ()

    yield look_up
    let_go.set()


async def test_only_so_many_are_looked_at_at_once() -> None:
    """Looking takes few sockets, however many receivers fail at once."""
    async with receiving(Conversation.until_closed) as receiver, sending() as sender:
        looks = [
            asyncio.create_task(sender.inspector.look(at(receiver.port), "127.0.0.1"))
            for _ in range(3 * MOST_AT_ONCE)
        ]
        await until(lambda: receiver.accepted == MOST_AT_ONCE)
        check = sender.inspector.check(at(receiver.port), connect_seconds=5, now=NOW)
        looks.append(asyncio.create_task(check))  # type: ignore[arg-type]
        for _ in range(20):
            await asyncio.sleep(0)
        assert receiver.accepted == MOST_AT_ONCE
        for one in looks:
            one.cancel()
        await asyncio.gather(*looks, return_exceptions=True)


async def test_a_bundle_that_cannot_be_used_ends_a_check() -> None:
    """As it would end an attempt."""
    async with receiving(Conversation.until_closed) as receiver, sending() as sender:
        destination = Destination(True, "127.0.0.1", receiver.port, "no PEM")  # noqa: FBT003
        found = await sender.inspector.check(destination, connect_seconds=5, now=NOW)
    assert found.outcome is Outcome.TLS_FAILED
    assert "BEGIN CERTIFICATE" in found.detail


def test_what_verifies_nothing_is_used_for_looking_only() -> None:
    """No other module makes such a context or asks for it, so nothing can be sent over one."""
    source = Path(tls.__file__).parents[1]
    using = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if re.search(r"unverified_context|CERT_NONE|check_hostname", path.read_text())
    }
    assert using == {"transport/tls.py", "transport/inspector.py"}
