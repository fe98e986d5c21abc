"""A disk that is really full: a small tmpfs where one may be mounted, else a limit of this process."""

import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

_NOBODY = 65534
SIZE = 4 * 1024 * 1024


class SmallDisk(Protocol):
    """Room that can run out and come back."""

    def fill(self) -> None:
        """Leave nothing."""

    def make_room(self) -> None:
        """Let everything be written again."""


class Tmpfs:
    """A file system of its own: whoever writes gets ENOSPC."""

    def __init__(self, folder: Path) -> None:
        self._filling = folder / "filling"

    def fill(self) -> None:
        with self._filling.open("ab", buffering=0) as file, suppress(OSError):
            for size in (65536, 4096, 1):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def make_room(self) -> None:
        self._filling.unlink()


class FileLimit:
    """The longest file that this process may write is as long as the log is now: EFBIG."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        longest = max(file.stat().st_size for file in self._folder.iterdir())
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python does; a write fails instead
        resource.setrlimit(resource.RLIMIT_FSIZE, (longest, self._before[1]))

    def make_room(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Make this folder a small disk, by the strongest means that this machine allows."""
    folder.mkdir()
    if mount("-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", str(folder)):
        try:
            yield Tmpfs(folder)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        return
    limited = FileLimit(folder)
    try:
        yield limited
    finally:
        limited.make_room()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let a server that is started there find that it cannot write, while the block lasts."""
    if mount("--bind", str(folder), str(folder)):
        try:
            assert mount("-o", "remount,bind,ro", str(folder))
            yield
        finally:
            subprocess.run(["umount", str(folder)], check=True)
        return
    mode, user = folder.stat().st_mode, os.geteuid()
    folder.chmod(0o555)
    if user == 0:  # who may write everywhere: somebody else, for as long as it lasts
        for parent in folder.parents:
            parent.chmod(parent.stat().st_mode | 0o111)
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(mode)


def mount(*arguments: str) -> bool:
    """Return whether it was mounted: for that one has to be root, and not in every container."""
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0
