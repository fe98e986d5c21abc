"""The systemd unit and the compose file say what the server is, and what it needs."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.packaging.containerfile import read_stages

from tocsin.engine.engine import GRACE_SECONDS, RECORD_SECONDS
from tocsin.settings import SERVER

PACKAGING = Path(__file__).parents[2] / "packaging"
UNIT = PACKAGING / "tocsin.service"


@pytest.mark.needs("systemd-analyze", "systemd")
def test_systemd_understands_the_unit_and_finds_it_locked_down(tmp_path: Path) -> None:
    """Without a word of complaint, and with an exposure that it calls OK."""
    unit = tmp_path / "tocsin.service"
    # Everything but the program, which is not installed here.
    text, replaced = re.subn(r"(?m)^ExecStart=.*$", "ExecStart=/bin/true", UNIT.read_text())
    assert replaced == 1
    unit.write_text(text.replace("#LoadCredential", "LoadCredential").replace("#Envi", "Envi"))
    done = _run("systemd-analyze", "verify", "--man=no", str(unit))
    assert (done.returncode, done.stderr) == (0, "")
    judged = _run("systemd-analyze", "security", "--offline=true", "--threshold=25", str(unit))
    assert judged.returncode == 0, judged.stdout


def test_nothing_is_cut_short_when_it_stops() -> None:
    """Whoever stops it waits for longer than attempts and their outcomes may take."""
    longest = GRACE_SECONDS + RECORD_SECONDS
    (seconds,) = re.findall(r"(?m)^TimeoutStopSec=(\d+)$", UNIT.read_text())
    assert int(seconds) > longest
    compose = yaml.safe_load((PACKAGING / "compose.yaml").read_text())
    for name in ("one", "two"):
        assert int(compose["services"][name]["stop_grace_period"].removesuffix("s")) > longest
    assert f"--stop-timeout {seconds}" in (PACKAGING / "Containerfile").read_text()


def test_only_settings_that_there_are_are_set() -> None:
    """In the unit, the image and the compose file; and no secret stands in any of them."""
    _, image = read_stages(PACKAGING / "Containerfile")
    compose = yaml.safe_load((PACKAGING / "compose.yaml").read_text())
    names = {
        *re.findall(r"(TOCSIN_[A-Z_]+)=", UNIT.read_text()),
        *(name for name in image.environment() if name.startswith("TOCSIN_")),
    }
    for service in ("one", "two"):
        environment = compose["services"][service]["environment"]
        names |= environment.keys()
        assert re.fullmatch(r"\$\{[A-Z_]+:\?\}", environment["TOCSIN_MASTER_KEY"])
    assert names <= set(SERVER)
    assert "TOCSIN_HOME" in names


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
