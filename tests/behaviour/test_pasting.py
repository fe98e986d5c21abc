"""What the pages say to paste works as it stands."""

import asyncio
import os

import pytest
from tests.behaviour.harness import ON_SQLITE, Tocsin
from tests.behaviour.test_heartbeat_guides import SLUG, lines_that_call

from tocsin.domain.intake import settings_for_alerts, settings_for_heartbeat

pytestmark = pytest.mark.anyio


async def run(line: str) -> int:
    process = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", line, env={"PATH": os.environ["PATH"]}
    )
    return await process.wait()


@ON_SQLITE
@pytest.mark.needs("curl")
async def test_the_lines_for_curl_open_an_incident_and_resolve_it(tocsin: Tocsin) -> None:
    """With the server's URL, a key in force and a routing key."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    found = settings_for_alerts(tocsin.server.url, key=tocsin.alert_key, routing_key="db")
    opening, resolving = (each.text for each in found if each.program.startswith("curl"))
    assert await run(opening) == 0
    await tocsin.settle()
    assert tocsin.receiver.paths() == ["/pager"]
    assert (await tocsin.incident(1))["status"] == "triggered"
    assert await run(resolving) == 0
    assert (await tocsin.incident(1))["status"] == "resolved"


def test_the_lines_for_jobs_are_those_of_the_guide() -> None:
    """Which a test runs as cron and systemd do."""
    said = [
        each.text.strip() for each in settings_for_heartbeat("https://tocsin.example.org", SLUG)
    ]
    commands = [line.split(" ", 5)[5] if line[0].isdigit() else line for line in said]
    in_guide = [
        each.replace("/usr/local/bin/backup; curl", "ExecStopPost=curl")
        for each in lines_that_call()
    ]
    for command in commands:
        assert command in {*lines_that_call(), *in_guide}
