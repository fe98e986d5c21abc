"""Everything the story needs: a real server on an empty database, and two receivers that verify."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tocsin.cli.address import Address
from tocsin.cli.client import Client, Json
from tocsin.clock import Clock
from tocsin.demo.plot import PAGER, PHONE_BRIDGE, Plot
from tocsin.demo.receiver import Call, Receiver
from tocsin.domain.network import Networks
from tocsin.secret import Secret
from tocsin.settings import Listen, Settings
from tocsin.wiring.serving import running


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A server that answers, and receivers that know no auth code yet."""

    home: Path
    clock: Clock
    plot: Plot
    url: str
    alert_key: Secret
    invitation: Secret
    """Makes whoever has it the administrator of the pages."""
    receivers: Mapping[str, Receiver]
    """By the slug of their webhook."""
    calls: asyncio.Queue[Call]
    """What the receivers got, in the order in which it came."""
    client: Client

    async def get(self, path: str, **query: str) -> Json:
        """Return what the management API answers. Raises: NoServer, Refused."""
        return await asyncio.to_thread(self.client.get, path, **query)

    async def post(self, path: str, **body: str) -> Json:
        """Return what the management API answers. Raises: NoServer, Refused."""
        return await asyncio.to_thread(self.client.post, path, body)


@asynccontextmanager
async def set_stage(home: Path, *, clock: Clock, plot: Plot) -> AsyncIterator[Stage]:
    """Run a server in an empty folder, and receivers, for as long as the block lasts.

    Raises: every refusal of `running`.
    """
    loop = asyncio.get_running_loop()
    calls: asyncio.Queue[Call] = asyncio.Queue()

    def tell(call: Call) -> None:
        loop.call_soon_threadsafe(calls.put_nowait, call)

    # Entered first and left last: the server's last attempts are still answered.
    with (
        Receiver(PAGER, "/page", answers=plot.pager_answers, clock=clock, tell=tell) as pager,
        Receiver(PHONE_BRIDGE, "/call", answers=(200,), clock=clock, tell=tell) as phone_bridge,
    ):
        async with running(_settings(home), clock=clock) as server:
            assert server.first_start is not None, "the folder was empty"
            token = server.first_start.token_file.read_text(encoding="ascii").strip()
            yield Stage(
                home=home,
                clock=clock,
                plot=plot,
                url=server.url,
                alert_key=server.first_start.alert_key,
                invitation=server.first_start.invitation,
                receivers={PAGER: pager, PHONE_BRIDGE: phone_bridge},
                calls=calls,
                client=Client(Address(server.url, Secret(token))),
            )


def _settings(home: Path) -> Settings:
    """Return settings of the demo's own: the environment may be that of another server."""
    return Settings(
        home=home,
        database_url=Secret(f"sqlite:///{home / 'tocsin.db'}"),
        listen=Listen("127.0.0.1", 0),
        webhook_networks=Networks.parse("loopback"),
    )
