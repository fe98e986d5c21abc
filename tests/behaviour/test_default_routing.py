"""A missing default routing is a warning wherever somebody could see it."""

import io

import pytest
from tests.behaviour.harness import Tocsin

from tocsin.cli.serve import _introduce
from tocsin.cli.shell import Shell

pytestmark = pytest.mark.anyio


async def warned(tocsin: Tocsin) -> list[bool]:
    """Ask for the warning where `serve`, readiness, status and `apply` tell it."""
    said = io.StringIO()
    _introduce(tocsin.server, Shell({}, said, said, tocsin.now, tocsin.clock))
    ready = (await tocsin.http.get("/readyz")).json()
    status = await tocsin.get("status")
    applied = await tocsin.apply("webhooks: {}")
    return [
        "default routing" in said.getvalue(),
        "no_default_routing" in [warning["code"] for warning in ready["warnings"]],
        any("default routing" in warning for warning in status["warnings"]),
        any("default_routing" in warning for warning in applied["warnings"]),
    ]


async def test_a_missing_default_routing_is_warned_of(tocsin: Tocsin) -> None:
    """Until there is one; it makes the server no less ready."""
    policies = {"main": [("5m", ["pager"])]}
    await tocsin.configure(policies)
    assert await warned(tocsin) == [True] * 4
    assert (await tocsin.http.get("/readyz")).status_code == 200
    await tocsin.configure(policies, default=["main"])
    assert await warned(tocsin) == [False] * 4
