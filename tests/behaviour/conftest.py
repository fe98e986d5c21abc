"""Every behaviour runs on a whole server of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin, a_server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def tocsin(tmp_path: Path) -> AsyncIterator[Tocsin]:
    """A server without a configuration."""
    async with a_server(tmp_path / "home") as made:
        yield made
