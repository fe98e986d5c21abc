"""Looking at a receiver goes the way that its pages go: through the proxy, where there is one."""

import pytest
from tests.certificates import NOW, make, make_ca, serving
from tests.transport.directory import NAME, Directory
from tests.transport.forwarding import forwarding
from tests.transport.servers import Conversation, receiving, sending

from tocsin.domain.outcome import Outcome
from tocsin.transport.exchange import Destination
from tocsin.transport.resolve import Resolver

ROOT = make_ca("Root")
TLS = serving(make(issuer=ROOT, names=[NAME]))


def at(port: int) -> Destination:
    return Destination(is_tls=True, host=NAME, port=port, ca_bundle=ROOT.pem)


@pytest.mark.parametrize("resolves", [False, True])
async def test_a_check_goes_through_the_proxy(resolves: bool) -> None:  # noqa: FBT001 - named by the table
    """It tells what an attempt would meet, so it must meet the same."""
    async with (
        receiving(Conversation.until_closed, tls=TLS) as receiver,
        forwarding(receiver.port, resolves=resolves) as way,
        sending(proxy=way.proxy, resolver=Resolver(Directory(("127.0.0.1",)))) as sender,
    ):
        found = await sender.inspector.check(at(receiver.port), connect_seconds=5, now=NOW)
    assert (found.outcome, found.detail) == (None, "")
    assert found.handshake is not None
    assert found.handshake.is_complete
    asked, ip = (NAME, "") if resolves else ("127.0.0.1", "127.0.0.1")
    assert way.targets == [f"{asked}:{receiver.port}"]
    assert found.address == ip
    assert [each.address.ip for each in found.addresses] == ([] if resolves else [ip])


async def test_a_second_handshake_goes_through_the_proxy() -> None:
    """What explains a refusal is seen where the refusal was seen."""
    async with (
        receiving(Conversation.until_closed, tls=TLS) as receiver,
        forwarding(receiver.port) as way,
        sending(proxy=way.proxy) as sender,
    ):
        seen = await sender.inspector.look(at(receiver.port), "127.0.0.1")
    assert seen is not None
    assert seen.is_complete
    assert way.targets == [f"127.0.0.1:{receiver.port}"]


async def test_where_the_proxy_looks_names_up_so_does_the_second_handshake() -> None:
    """There is no address to go to, only the name."""
    async with (
        receiving(Conversation.until_closed, tls=TLS) as receiver,
        forwarding(receiver.port, resolves=True) as way,
        sending(proxy=way.proxy, resolver=Resolver(Directory(()))) as sender,
    ):
        seen = await sender.inspector.look(at(receiver.port), "")
    assert seen is not None
    assert way.targets == [f"{NAME}:{receiver.port}"]


async def test_a_check_names_the_proxys_failures() -> None:
    """A proxy that refuses is found out before the first page."""
    async with forwarding(lambda _: "403 Forbidden") as way, sending(proxy=way.proxy) as sender:
        destination = Destination(is_tls=False, host="127.0.0.1", port=80)
        found = await sender.inspector.check(destination, connect_seconds=5, now=NOW)
    assert found.outcome is Outcome.PROXY_REFUSED
    assert found.detail.endswith("said '403 Forbidden'")
