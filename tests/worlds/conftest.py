"""Worlds are made once for all that is tested about them."""

import pytest
from tests.worlds.served import Homes


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that `tocsin serve` runs on."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    """Where worlds lie."""
    return Homes(tmp_path_factory.mktemp("worlds"))
