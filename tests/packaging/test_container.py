"""The container image, made and run by hand: each step of its file in a folder instead of an engine.

What an engine would add (a user of its own, a file system of its own) is looked up in the file.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from tests.packaging.containerfile import Stage, read_stages

ROOT = Path(__file__).parents[2]
FILE = ROOT / "packaging" / "Containerfile"
IN_FULL = os.environ.get("TOCSIN_REQUIRE_ALL_TESTS") == "1"
"""Else the parts, of the same lock, are those of this interpreter: to install them takes half a minute."""


class Machine:
    """A folder that stands for the root of an image."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.at = root

    def here(self, text: str) -> str:
        """Return a command with this folder's paths, and this interpreter as its python."""
        for path in ("/opt/tocsin", "/data"):
            text = text.replace(path, f"{self.root}{path}")
        return text

    def do(self, stage: Stage) -> None:
        """Do what a stage says, in order."""
        for step in stage.steps:
            match step.instruction:
                case "WORKDIR":
                    self.at = self.root / step.rest.lstrip("/")
                    self.at.mkdir(parents=True)
                case "COPY":
                    *sources, target = step.rest.split(" ")
                    for source in sources:
                        self._copy(ROOT / source, self.at / target, is_folder=target.endswith("/"))
                case "RUN" if "--require-hashes" in step.rest and not IN_FULL:
                    self._take_the_parts_that_are_here()
                case "RUN":
                    self._run(self.here(step.rest))
                case _:
                    raise AssertionError(f"the test cannot do {step.instruction}")

    def _take_the_parts_that_are_here(self) -> None:
        (packages,) = (self.root / "opt" / "tocsin").glob("lib/python3*/site-packages")
        parts = sysconfig.get_path("purelib")  # before the setuptools that a new venv may have
        (packages / "here.pth").write_text(f"import sys; sys.path.insert(0, {parts!r})\n")

    def _copy(self, source: Path, target: Path, *, is_folder: bool) -> None:
        if source.is_dir():
            shutil.copytree(source, target, ignore=_not_in_the_context)
            return
        target.mkdir(parents=True, exist_ok=True)
        assert is_folder
        shutil.copy(source, target)

    def _run(self, command: str) -> None:
        python = self.root / "bin" / "python"
        python.parent.mkdir(exist_ok=True)
        if not python.exists():
            python.symlink_to(sys.executable)
        env = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}", "PIP_NO_COMPILE": "1"}
        done = subprocess.run(
            command, shell=True, cwd=self.at, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def _not_in_the_context(folder: str, names: list[str]) -> list[str]:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line.removeprefix("**/") for line in ignored if line.startswith("**/")]
    return [name for pattern in patterns for name in shutil.ignore_patterns(pattern)(folder, names)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    machine = Machine(tmp_path_factory.mktemp("image"))
    build, _ = read_stages(FILE)
    machine.do(build)
    return machine


def test_the_image_serves_is_healthy_and_stops_when_told(built: Machine) -> None:
    """As another user would start it: its command answers, its health check agrees, SIGTERM ends it well."""
    _, final = read_stages(FILE)
    port = _free_port()
    given = {name: built.here(value) for name, value in final.environment().items()}
    given["TOCSIN_LISTEN"] = given["TOCSIN_LISTEN"].replace("7878", str(port))
    given["PATH"] = given["PATH"].replace("$PATH", os.environ["PATH"])
    (built.root / "data").mkdir(mode=0o700)
    check = [
        word.replace(":7878", f":{port}") for word in _exec_form(final.the("HEALTHCHECK").rest)
    ]
    command = [*final.the("ENTRYPOINT").arguments, *final.the("CMD").arguments]
    found = shutil.which(command[0], path=given["PATH"])
    assert found is not None
    assert found.startswith(str(built.root))
    with subprocess.Popen([found, *command[1:]], env=given, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            began = server.stdout.readline().decode()
            assert "answers at" in began
            healthy = subprocess.run(check, env=given, check=False, timeout=30)
            assert healthy.returncode == 0
        finally:
            server.send_signal(getattr(signal, final.the("STOPSIGNAL").rest))
            server.communicate(timeout=30)
    assert server.returncode == 0
    assert (built.root / "data" / "tocsin.db").exists()
    assert subprocess.run(check, env=given, capture_output=True, check=False).returncode != 0


def test_only_the_built_parts_reach_the_image() -> None:
    """Nothing but the build's folder is copied into it; nobody there is root; the volume is the home."""
    build, final = read_stages(FILE)
    assert final.all_of("COPY") == ["--from=build /opt/tocsin /opt/tocsin"]
    assert final.the("USER").rest.split(":")[0] not in ("root", "0")
    assert final.the("VOLUME").arguments == [final.environment()["TOCSIN_HOME"]]
    assert final.the("EXPOSE").rest == final.environment()["TOCSIN_LISTEN"].rpartition(":")[2]
    assert build.image == final.image
    run = (ROOT / ".dockerignore").read_text()
    for rest in build.all_of("COPY"):
        for source in rest.split(" ")[:-1]:
            assert f"\n!{source}\n" in run, f"{source} is not in the context"


def test_every_part_is_pinned_by_its_hash() -> None:
    """What is installed is what the lock file names, and nothing is fetched to build Tocsin itself."""
    build, _ = read_stages(FILE)
    parts, ours = (run for run in build.all_of("RUN") if " pip install " in run)
    assert "--require-hashes --requirement requirements/run.txt" in parts
    assert "--no-deps --no-build-isolation ./receiver ." in ours


def _exec_form(rest: str) -> list[str]:
    words: list[str] = json.loads(rest[rest.index("CMD [") + 4 :])
    return words


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
