"""A job as a test thinks of it: it calls its heartbeat, or does not."""

import json
from datetime import timedelta
from typing import Any

import httpx
from tests.behaviour.configuring import configuration
from tests.behaviour.harness import Tocsin

SLUG = "backup"
ENTITY = f"heartbeat/{SLUG}"
CALLS = "/integrations/heartbeat"


async def watch(tocsin: Tocsin, slug: str = SLUG, **more: Any) -> None:
    """Wait for a job's calls, every 30 s with 10 s of grace; its incident calls /pager."""
    described = json.loads(
        configuration({"main": [("0s", ["pager"])]}, receiver=tocsin.receiver.url(""))
    )
    heartbeat = {"every": "30s", "grace": "10s", "routing_key": "db"} | more
    described["heartbeats"] = {slug: heartbeat}
    await tocsin.apply(json.dumps(described))


async def call(
    tocsin: Tocsin,
    slug: str = SLUG,
    *,
    method: str = "GET",
    key: str = "",
    query: str = "",
    body: str | bytes = "",
) -> httpx.Response:
    """Call as a job does, whatever comes of it."""
    path = f"{CALLS}/{key or tocsin.alert_key}/{slug}{query}"
    answer = await tocsin.http.request(
        method, path, headers={"Authorization": ""}, content=body or None
    )
    await tocsin.settle()
    return answer


async def elapse(tocsin: Tocsin, **by: float) -> None:
    """Let time go by as it does while a server is there: its run is renewed every few seconds."""
    left = timedelta(**by)
    while left:
        step = min(left, timedelta(seconds=4))
        await tocsin.advance(microseconds=step // timedelta(microseconds=1))
        left -= step


async def state(tocsin: Tocsin, slug: str = SLUG) -> str:
    return str((await tocsin.get(f"heartbeats/{slug}"))["state"])


async def incidents(tocsin: Tocsin, entity_id: str = ENTITY) -> list[str]:
    """Return the status of each incident of a heartbeat, oldest first."""
    items = (await tocsin.get("incidents", entity_id=entity_id))["items"]
    return [each["status"] for each in reversed(items)]
