"""An unmodified Prometheus Alertmanager pages through Tocsin: only URL and key are its own."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from tests.behaviour.harness import Tocsin

from tocsin.domain.intake import settings_for_alerts

pytestmark = pytest.mark.anyio

PROGRAM = "prometheus-alertmanager"
GROUPING = """\
route:
  receiver: tocsin
  group_by: [alertname, instance]
  group_wait: 0s
  group_interval: 100ms
"""
LABELS = {"alertname": "DiskFull", "instance": "db-1"}


def configuration(tocsin: Tocsin) -> str:
    """Return what the page says to paste; only how long it waits to group is the test's."""
    found = settings_for_alerts(tocsin.server.url, key=tocsin.alert_key, routing_key="db")
    (text,) = [each.text for each in found if "Alertmanager" in each.program]
    said = "route:\n  receiver: tocsin\n"
    assert said in text
    return text.replace(said, GROUPING)


@contextmanager
def free_port() -> Iterator[int]:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        yield int(probe.getsockname()[1])


@pytest.fixture
async def alertmanager(tocsin: Tocsin, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Alertmanager as Debian ships it, on a port and in a folder of its own; killed at the end."""
    file = tmp_path / "alertmanager.yml"
    file.write_text(configuration(tocsin))
    with free_port() as port:
        address = f"127.0.0.1:{port}"
    with (tmp_path / "alertmanager.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            f"--config.file={file}",
            f"--storage.path={tmp_path / 'alertmanager'}",
            f"--web.listen-address={address}",
            "--cluster.listen-address=",
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}") as client:
            await until_it_answers(client)
            yield client
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def until_it_answers(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while True:
            with suppress(httpx.TransportError):
                if (await client.get("/-/ready")).is_success:
                    return
            await asyncio.sleep(0.02)  # another process: there is nothing to wait on


async def post(alertmanager: httpx.AsyncClient, **more: str) -> None:
    alert = {
        "labels": LABELS,
        "annotations": {"summary": "the disk of db-1 is full"},
        "generatorURL": "http://prometheus.example/graph",
        **more,
    }
    answer = await alertmanager.post("/api/v2/alerts", json=[alert])
    assert answer.status_code == 200, answer.text


async def until_resolved(tocsin: Tocsin) -> None:
    async with asyncio.timeout(20):
        # Alertmanager's own time decides, and nothing of it can be waited on.
        while (await tocsin.incident())["status"] != "resolved":  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.needs(PROGRAM)
async def test_alertmanager_opens_pages_and_resolves(
    tocsin: Tocsin, alertmanager: httpx.AsyncClient
) -> None:
    """A firing alert opens an incident and walks its policy; a resolved one stops it."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("5m", ["boss"]), ("5m", ["chief"])]})
    await post(alertmanager)
    (first,) = await tocsin.receiver.wait_for(1)
    await tocsin.settle()
    assert first.path == "/pager"
    assert first.fields["message_type"] == '"CRITICAL"'
    assert "DiskFull" in first.fields["entity_display_name"]
    assert "the disk of db-1 is full" in first.fields["state_message"]
    await tocsin.advance(minutes=5)
    assert tocsin.receiver.paths() == ["/pager", "/boss"]

    await post(alertmanager, endsAt="2020-01-01T00:00:00Z", startsAt="2019-12-31T00:00:00Z")
    await until_resolved(tocsin)
    await tocsin.advance(minutes=5)
    assert tocsin.receiver.paths() == ["/pager", "/boss"]
    assert (await tocsin.entries(1, "resolved"))[0]["actor"] == "Alertmanager"
    (incident,) = (await tocsin.get("incidents"))["items"]
    assert incident["alert_count"] == 1
