"""What ours is compared with: the same work on the wire, with nothing kept."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from bench.filling import WEBHOOKS
from bench.machine import Spent, Stopwatch

_AT_ONCE = 64


async def post_only(port: int, *, count: int, length: int) -> Spent:
    """Post `count` bodies of `length` bytes with the usual client, 64 at once, unsigned."""
    body = b"x" * length
    left = iter(range(count))
    connector = aiohttp.TCPConnector(limit=_AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def post() -> None:
            for number in left:
                url = f"http://127.0.0.1:{port}/{number % WEBHOOKS}"
                async with session.post(url, data=body) as response:
                    await response.read()

        watch = Stopwatch()
        await asyncio.gather(*(post() for _ in range(_AT_ONCE)))
        return watch.stop(count)


async def answer_only(_scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI application that reads an alert's JSON, answers as Tocsin does, and keeps nothing."""
    message = await receive()
    entity_id = json.loads(message["body"])["entity_id"]
    body = json.dumps({"result": "success", "entity_id": entity_id}).encode()
    headers = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def asgi_server(app: ASGIApp) -> AsyncIterator[int]:
    """Run an application on the same HTTP server, set up the same way; yield its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as sock:
        config = uvicorn.Config(
            app,
            http="httptools",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            yield int(sock.getsockname()[1])
        finally:
            server.should_exit = True
            await serving
