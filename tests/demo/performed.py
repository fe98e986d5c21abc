"""A demo in a process of its own, and what it told."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

ROW = re.compile(
    r" +(?P<seconds>\+\d+\.\d{3})  (?P<step>\S+(?: \S+)?) +(?P<webhook>[\w-]+) +"
    r"(?P<delivery>dlv_\w{16}|none: \w+|-) +(?P<attempt>\d|-) +(?P<status>\d{3}|-) +(?P<signature>\S+)"
)

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Told:
    """How a demo ended, and what it printed."""

    code: int
    out: str
    err: str

    def rows(self) -> list[tuple[str, ...]]:
        """Step, webhook, attempt, status and signature of each request, in order."""
        columns = ("step", "webhook", "attempt", "status", "signature")
        return [tuple(match[name] for name in columns) for match in self.matches()]

    def deliveries(self) -> list[str]:
        return [match["delivery"] for match in self.matches()]

    def matches(self) -> list[re.Match[str]]:
        return [match for line in self.out.splitlines() if (match := ROW.fullmatch(line))]


def begin(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start a demo that sees the settings of another server, and keeps its files in `folder`."""
    folder.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "tocsin", "demo", *options],
        env={
            **os.environ,
            "TMPDIR": str(folder),
            "TOCSIN_HOME": str(folder / "another"),
            "TOCSIN_LISTEN": "192.0.2.1:1",
            "TOCSIN_URL": "http://127.0.0.1:9",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(demo: subprocess.Popen[str], already_read: str = "") -> Told:
    out, err = demo.communicate(timeout=PATIENCE_SECONDS)
    return Told(demo.returncode, already_read + out, err)


def read_until(demo: subprocess.Popen[str], text: str) -> str:
    """Return what is printed up to a line that contains the text."""
    assert demo.stdout is not None
    lines = []
    patience = Timer(PATIENCE_SECONDS, demo.kill)
    patience.start()
    for line in demo.stdout:
        lines.append(line)
        if text in line:
            patience.cancel()
            return "".join(lines)
    raise AssertionError(f"{text!r} did not come after: {''.join(lines)}")
