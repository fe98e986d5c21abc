"""Worlds are made once for all that is tested about them."""

import pytest
from tests.worlds.served import homes

__all__ = ["homes"]


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that `tocsin serve` runs on."""
    return "asyncio", {"use_uvloop": True}
