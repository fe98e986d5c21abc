"""A name that leads elsewhere on every look-up reaches nothing that was not checked."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.behaviour.harness import Tocsin, a_server

from tocsin.domain.network import Networks

pytestmark = pytest.mark.anyio

NAME = "pager.rebinding.test"
OUTSIDE, INSIDE = "127.0.0.2", "127.0.0.1"


@asynccontextmanager
async def answering(host: str, port: int = 0) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A receiver that fails every request; gives its port, and what every connection began with."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(4))
        writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, host, port)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()


class HostileNames:
    """The machine's resolver, under control of whoever owns the name: one answer, then another."""

    def __init__(self, first: str, then: str) -> None:
        self.asked = 0
        self._answers = first, then
        self._system = socket.getaddrinfo

    def __call__(self, host: Any, *rest: Any, **more: Any) -> Any:
        if host != NAME or more.get("flags", 0) & socket.AI_NUMERICHOST:
            return self._system(host, *rest, **more)
        self.asked += 1
        return self._system(self._answers[self.asked > 1], *rest, **more)


async def test_a_name_reaches_only_what_was_checked(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt goes where the first answer led; the second is refused with the line to set."""
    names = HostileNames(OUTSIDE, INSIDE)
    monkeypatch.setattr(socket, "getaddrinfo", names)
    async with (
        answering(INSIDE) as (port, inside),
        answering(OUTSIDE, port) as (_, outside),
        a_server(home, webhook_networks=Networks.parse(f"private,{OUTSIDE}")) as tocsin,
    ):
        url = f"http://{NAME}:{port}/pager"
        await tocsin.configure({"main": [("0s", ["pager"])]}, webhooks={"pager": {"url": url}})
        await tocsin.alert()
        assert (names.asked, outside, inside) == (1, [b"POST"], [])
        tocsin.server.engine._sender._resolver._remembered.clear()  # as it is after some seconds
        await tocsin.advance(seconds=3)
        (listed,) = await tocsin.deliveries()
        delivery = await tocsin.get(f"deliveries/{listed['id']}")
    assert (names.asked, outside, inside) == (2, [b"POST"], [])
    assert [each["outcome"] for each in delivery["attempts"]] == ["rejected", "address_refused"]
    assert delivery["end_reason"] == "final_outcome"
    line = "set TOCSIN_WEBHOOK_NETWORKS=private,127.0.0.2/32,loopback"
    assert line in delivery["attempts"][1]["reason"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1"])
async def test_a_name_that_leads_to_tocsin_itself_is_not_called(
    tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """However it is spelled, and although its address may be reached: it would page in a circle."""
    monkeypatch.setattr(socket, "getaddrinfo", HostileNames(address, address))
    url = f"http://{NAME}:{tocsin.server.url.rpartition(':')[2]}/pager"
    await tocsin.configure({"main": [("0s", ["pager"])]}, webhooks={"pager": {"url": url}})
    await tocsin.alert()
    (listed,) = await tocsin.deliveries()
    (attempt,) = (await tocsin.get(f"deliveries/{listed['id']}"))["attempts"]
    assert attempt["outcome"] == "address_refused"
    assert "Tocsin itself" in attempt["reason"]


async def test_an_address_is_refused_when_the_webhook_is_saved(home: Path) -> None:
    """By the API and by a file, with the line to set; and Tocsin's own address whatever is set."""
    async with a_server(home) as tocsin:
        for url, expected in (
            ("http://0x0a000001/hook", "TOCSIN_WEBHOOK_NETWORKS=loopback,private"),
            (f"{tocsin.server.url}/hook", "Tocsin itself"),
        ):
            given = {"name": "pager", "url": url}
            refused = await tocsin.ask("POST", "webhooks", given)
            assert refused.json()["error"]["code"] == "webhook_address_refused"
            assert expected in refused.json()["error"]["message"]
            text = f"webhooks: {{pager: {{url: '{url}'}}}}"
            refused = await tocsin.ask("POST", "configuration/apply", {"text": text})
            assert refused.status_code == 422
            assert expected in refused.text
