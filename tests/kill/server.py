"""The real server in a process of its own, to be killed."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.kill.load import AUTH_CODE, WEBHOOKS


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """`tocsin serve` on a home and a port that stay the same over every kill."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        self._log = (home.parent / "server.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("TOCSIN")},
            "TOCSIN_HOME": str(self.home),
            "TOCSIN_LISTEN": f"127.0.0.1:{self.port}",
            "TOCSIN_WEBHOOK_NETWORKS": "loopback",
            "TOCSIN_WEBHOOK_SLOTS": "64",
        }

    async def start(self) -> None:
        """Start, and return when it answers."""
        self._process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            [sys.executable, "-m", "tocsin", "serve"],
            env=self.environment,
            stdout=self._log,
            stderr=self._log,
        )
        until = time.monotonic() + 30
        while not await asyncio.to_thread(self._answers):
            assert self._process.poll() is None, "the server ended by itself"
            assert time.monotonic() < until, "the server did not start"
            await asyncio.sleep(0.01)  # another process: there is nothing to wait on

    def kill(self) -> None:
        """kill -9: no handler runs, nothing is flushed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """Stop gracefully; return the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout=60)
        self._log.close()
        return code

    def run(self, *arguments: str) -> str:
        """Run a command of the CLI against this server."""
        done = subprocess.run(
            [sys.executable, "-m", "tocsin", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/healthz", timeout=5
            ) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def configuration(receiver_port: int) -> str:
    """Twenty webhooks, each with a policy of two steps, one second apart, under a key of its own."""
    lines = ["webhooks:"]
    for number in range(WEBHOOKS):
        url = f"http://127.0.0.1:{receiver_port}/{number}"
        lines += [f"  w{number}: {{url: '{url}', auth_code: {AUTH_CODE}}}"]
    lines += ["teams:", "  ops:", "    policies:"]
    for number in range(WEBHOOKS):
        other = (number + 1) % WEBHOOKS
        lines += [
            f"      p{number}:",
            "        steps:",
            f"          - {{after: 0s, webhooks: [w{number}]}}",
            f"          - {{after: 1s, webhooks: [w{other}]}}",
        ]
    lines += ["routing_keys:"]
    lines += [f"  key-{number}: {{policies: [ops/p{number}]}}" for number in range(WEBHOOKS)]
    lines += ["alert_keys:", "  load: {key: kill-test-key-0123456789}"]
    return "\n".join(lines) + "\n"
