"""What is killed comes back at the same place; what does not come back is named."""

import asyncio
import os
import random
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from tests.chaos.signed import CODE, send

from tocsin.chaos.ledger import Arrival
from tocsin.chaos.processes import (
    CommandFailed,
    Node,
    NodeDoesNotStart,
    PostgreSQL,
    ReceiverProcess,
    free_ports,
)
from tocsin.chaos.receiver import HOST, Instructions, Manners


async def _send(port: int) -> bytes:
    async with asyncio.timeout(20):
        while True:
            with suppress(OSError):
                return await send(port)
            await asyncio.sleep(0.01)  # another process: there is nothing to wait on


async def _kill_and_ask_again(receiver: ReceiverProcess) -> list[bytes]:
    answers = []
    await receiver.start()
    answers.append(await _send(receiver.port))
    await receiver.kill()
    await receiver.start()
    answers.append(await _send(receiver.port))
    receiver.behave()
    while (answer := await _send(receiver.port)).startswith(b"HTTP/1.1 500"):
        pass
    answers.append(answer)
    await receiver.kill()
    await receiver.start()
    answers.append(await _send(receiver.port))
    await receiver.kill()
    return answers


def test_a_killed_receiver_loses_no_request() -> None:
    """What it answered is known after its death; told to behave, it does so over kills, too."""
    told: list[Arrival] = []
    (port,) = free_ports(1, random.Random())
    instructions = Instructions(port, CODE, 1, Manners(fails=1.0))
    receiver = ReceiverProcess("receiver-1", instructions, os.environ, told.append)
    answers = asyncio.run(_kill_and_ask_again(receiver))
    assert [answer[9:12] for answer in answers] == [b"500", b"500", b"200", b"200"]
    statuses = [each.status for each in told]
    assert statuses[:2] == [500, 500]
    assert statuses[-2:] == [200, 200]


def test_a_node_that_ends_by_itself_is_named(tmp_path: Path) -> None:
    """With the file in which it says why."""
    node = Node("node-1", tmp_path, 20_000, os.environ, TOCSIN_LISTEN="nowhere")
    with pytest.raises(NodeDoesNotStart, match=r"node-1\.log"):
        asyncio.run(node.start())
    assert "TOCSIN_LISTEN" in node.log.read_text()


def test_nothing_of_the_surroundings_reaches_a_node(tmp_path: Path) -> None:
    """The settings of another server are not this one's."""
    env = {
        "PATH": "/bin",
        "TOCSIN_DATABASE_URL": "postgresql://somewhere/else",
        "TOCSIN_TOKEN": "x",
    }
    node = Node("node-1", tmp_path, 20_000, env, TOCSIN_MASTER_KEY_FILE="f")
    assert node.environment["PATH"] == "/bin"
    assert {"TOCSIN_DATABASE_URL", "TOCSIN_TOKEN"}.isdisjoint(node.environment)
    assert node.environment["TOCSIN_MASTER_KEY_FILE"] == "f"


def test_a_command_that_fails_is_named(tmp_path: Path) -> None:
    """Else a run would prove less than it says."""
    postgresql = PostgreSQL("exit 3", "true", os.environ, tmp_path / "log")
    with pytest.raises(CommandFailed, match="exit 3 ended with exit code 3"):
        asyncio.run(postgresql.kill())
    asyncio.run(postgresql.start())


def test_ports_are_free_and_different() -> None:
    """Also where some are taken."""
    first = free_ports(1, random.Random(5))
    with socket.socket() as taken:
        taken.bind((HOST, first[0]))
        others = free_ports(20, random.Random(5))
    assert len(set(others)) == 20
    assert first[0] not in others
