"""All demos are begun at once, because each takes its ten seconds."""

import asyncio
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.demo.broken_stories import tell_all
from tests.demo.performed import Told, begin, end


@dataclass(frozen=True)
class Begun:
    """Demos that run."""

    once: subprocess.Popen[str]
    up: subprocess.Popen[str]
    missing: Future[dict[str, str]]


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="package")
def begun(folder: Path) -> Iterator[Begun]:
    with ThreadPoolExecutor() as pool:
        missing = pool.submit(lambda: asyncio.run(tell_all(folder)))
        demos = begin(folder / "once", "--once"), begin(folder / "up")
        yield Begun(*demos, missing)
        for demo in demos:
            demo.kill()
            demo.communicate()


@pytest.fixture(scope="package")
def told(begun: Begun) -> Told:
    """What `tocsin demo --once` told."""
    return end(begun.once)


@pytest.fixture(scope="package")
def up(begun: Begun) -> subprocess.Popen[str]:
    """A demo that goes on until it is stopped."""
    return begun.up


@pytest.fixture(scope="package")
def missing(begun: Begun) -> dict[str, str]:
    """What was not seen, in each of several stories."""
    return begun.missing.result(timeout=60)
