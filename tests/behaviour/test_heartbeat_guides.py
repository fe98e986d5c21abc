"""What the guides say about heartbeats works as it stands: their files apply, and their lines call."""

import asyncio
import os
import re
import stat
from pathlib import Path

import pytest
from tests.behaviour.beating import state
from tests.behaviour.harness import Tocsin

from tocsin.domain.watch import parse_peers

pytestmark = pytest.mark.anyio

GUIDES = Path(__file__).parents[2] / "docs" / "how-to"
SLUG = "nightly-backup"
JOB = "/usr/local/bin/backup"


def blocks(guide: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (GUIDES / guide).read_text(), re.DOTALL)


def lines_that_call() -> list[str]:
    """Return the commands of the crontab lines, and of the service's `ExecStopPost=`."""
    crontab = [
        line.split(" ", 5)[5]
        for block in blocks("heartbeats.md", "cron")
        for line in block.splitlines()
    ]
    service = re.findall(r"^ExecStopPost=(.*)$", blocks("heartbeats.md", "ini")[0], re.MULTILINE)
    return [*crontab, *(f"{JOB}; {command}" for command in service)]


def make_job(job: Path, *, ends_with: int, says: str) -> None:
    job.write_text(f"#!/bin/sh\n{says}\nexit {ends_with}\n")
    job.chmod(stat.S_IRWXU)


async def run(
    tocsin: Tocsin, line: str, job: Path, *, ends_with: int, says: str = "echo 3 files"
) -> int:
    """Run a line as cron or systemd does, with a job that ends so."""
    make_job(job, ends_with=ends_with, says=says)
    text = line.replace(JOB, str(job)).replace("https://tocsin.example.org", tocsin.server.url)
    assert "%" not in text, "cron takes it for the end of a line"
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", text.replace("ALERT_KEY", tocsin.alert_key)),
        env={"PATH": os.environ["PATH"], "SERVICE_RESULT": "exit-code" if ends_with else "success"},
    )
    code = await process.wait()
    await tocsin.settle()
    return code


@pytest.mark.needs("curl")
@pytest.mark.parametrize("home", ["sqlite"], indirect=True)
@pytest.mark.parametrize("line", lines_that_call())
async def test_a_line_calls_and_tells_of_a_failure(
    tocsin: Tocsin, line: str, tmp_path: Path
) -> None:
    """A job that went well is on time; one that failed is told of, or at least does not call."""
    (file,) = blocks("heartbeats.md", "yaml")
    await tocsin.apply(file)
    job = tmp_path / "backup"
    await run(tocsin, line, job, ends_with=3)
    assert await state(tocsin, SLUG) == ("never_called" if "&&" in line else "failed")
    assert await run(tocsin, line, job, ends_with=0) == 0
    assert await state(tocsin, SLUG) == "on_time"
    message = (await tocsin.get(f"heartbeats/{SLUG}"))["message"]
    assert message == ("3 files" if "--data-binary" in line else "")


@pytest.mark.needs("curl")
@pytest.mark.parametrize("home", ["sqlite"], indirect=True)
@pytest.mark.parametrize("line", lines_that_call())
async def test_a_job_that_says_a_lot_calls_as_well(
    tocsin: Tocsin, line: str, tmp_path: Path
) -> None:
    """More than fits into an argument of a command; and what looks like a file's name sends no file."""
    (file,) = blocks("heartbeats.md", "yaml")
    await tocsin.apply(file)
    says = "echo @/etc/hostname; head -c 500000 /dev/zero | tr '\\0' x"
    assert await run(tocsin, line, tmp_path / "backup", ends_with=0, says=says) == 0
    assert await state(tocsin, SLUG) == "on_time"
    message = (await tocsin.get(f"heartbeats/{SLUG}"))["message"]
    assert message[:14] == ("@/etc/hostname" if "--data-binary" in line else "")


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)
async def test_the_files_of_the_mutual_watch_apply_and_fit_each_other(tocsin: Tocsin) -> None:
    """Each side's URL names the heartbeat that the other one's file has for it."""
    berlin, oslo = blocks("mutual-watch.md", "yaml")
    settings = re.findall(
        r"^TOCSIN_WATCH=(.*)$", (GUIDES / "mutual-watch.md").read_text(), re.MULTILINE
    )
    for file, setting in zip((berlin, oslo), settings, strict=True):
        made = await tocsin.apply(file, prune=True)
        (heartbeat,) = (await tocsin.get("heartbeats"))["items"]
        ((name, key),) = made["keys"].items()
        (peer,) = parse_peers(setting)
        assert peer.parts.target.rpartition("/")[2] == heartbeat["slug"] == name
        place = re.sub("KEY_OF_[A-Z]+", key, peer.parts.target)
        answer = await tocsin.http.post(place, headers={"Authorization": ""})
        assert answer.status_code == 200
