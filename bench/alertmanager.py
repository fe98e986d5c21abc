"""Debian's Prometheus Alertmanager, set up to do what Tocsin does: one webhook for each alert, at once."""

import asyncio
import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

PROGRAM = "prometheus-alertmanager"
ALERTS_PATH = "/api/v2/alerts"
ALERT = json.dumps(
    {
        "labels": {
            "alertname": "DiskSpaceLow",
            "instance": "db-17.example disk %08d",
            "severity": "high",
            "team": "database",
            "site": "fra-2",
            "tier": "production",
        },
        "annotations": {
            "summary": "Disk space low on db-17",
            "description": "Only 3%% left on /var/lib/postgresql; it was 9%% an hour ago",
            "runbook": "https://wiki.example/runbooks/disk-space",
        },
    }
)
"""The alert of `bench.filling`, as Prometheus would send it; `%08d` makes it another one."""
_START_SECONDS = 20.0


class Alertmanager(NamedTuple):
    """One that answers."""

    process_id: int
    port: int


def is_installed() -> bool:
    return shutil.which(PROGRAM) is not None


def version() -> str:
    """Return its own words about its version, such as `alertmanager, version 0.25.0`."""
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return (said.stdout or said.stderr).partition(" (")[0]


@asynccontextmanager
async def alertmanager(sink_port: int) -> AsyncIterator[Alertmanager]:
    """Run one on the core of its caller. Raises: SystemExit, when it does not answer."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        config = Path(folder) / "alertmanager.json"  # JSON is YAML
        config.write_text(json.dumps(_configuration(sink_port)))
        port = _free_port()
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            f"--config.file={config}",
            f"--storage.path={folder}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            "--log.level=error",
        )
        try:
            await _until_ready(port)
            yield Alertmanager(process.pid, port)
        finally:
            process.terminate()
            await process.wait()


def _configuration(sink_port: int) -> dict[str, object]:
    hook = {"url": f"http://127.0.0.1:{sink_port}/hooks/1", "send_resolved": False}
    return {
        "route": {
            "receiver": "hook",
            "group_by": ["..."],  # each alert is a group of its own
            "group_wait": "0s",
            "group_interval": "1h",
            "repeat_interval": "4h",
        },
        "receivers": [{"name": "hook", "webhook_configs": [hook]}],
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


async def _until_ready(port: int) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while not await _is_ready(port):
            await asyncio.sleep(0.05)


async def _is_ready(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.write(b"GET /-/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read(64)
    writer.close()
    return answer.startswith(b"HTTP/1.1 200")
