"""The previous revision, in the project's own history."""

import re
import subprocess
from pathlib import Path

from tocsin.store.migrate import HEAD

ROOT = Path(__file__).parents[2]
MIGRATE = "src/tocsin/store/migrate.py"
DECLARATION = re.compile(r'^HEAD = "(\w+)"', re.MULTILINE)


def git(*command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *command], cwd=ROOT, capture_output=True, check=False)


def head_at(commit: str) -> str | None:
    """Return the revision that a commit's code needs; None: there is no such commit here."""
    found = DECLARATION.search(git("show", f"{commit}:{MIGRATE}").stdout.decode())
    return found[1] if found else None


def find_previous() -> str | None:
    """Return the last commit before today's revision; None: this is no clone, or one without it."""
    previous = "HEAD"
    for commit in git("log", "--format=%H", "--", MIGRATE).stdout.decode().split():
        if head_at(commit) != HEAD:
            break
        previous = f"{commit}^"
    return previous if head_at(previous) not in (None, HEAD) else None
