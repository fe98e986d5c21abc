"""Old code on the new schema: in a rolling upgrade one node migrates, and the others go on as they are.

The previous revision comes out of the project's own history: its code and its behaviour tests, on the migrations
of today.
"""

import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from tests.upgrade.history import DECLARATION, MIGRATE, ROOT, find_previous, git

from tocsin.store.migrate import HEAD

VERSIONS = "src/tocsin/store/migrations/versions"
BEHAVIOURS = (
    "test_first_alert.py::test_an_alert_opens_an_incident_and_calls_the_webhook",
    "test_stopping.py::test_one_acknowledgement_of_many_stops_them_all",
    "test_holding.py::test_when_a_hold_ends_the_policies_start_again_from_step_1",
    "test_reopening.py::test_a_reopened_incident_starts_again_from_step_1",
    "test_rerouting.py::test_rerouting_starts_the_chosen_policies_and_no_other",
    "test_delivery_states.py::test_a_delivery_goes_through_the_states_that_are_documented",
    "test_crashing.py::test_slots_that_a_dead_run_held_are_free_again",
    "test_pausing.py::test_pausing_stops_steps_holds_and_retries",
    "test_refused_keys.py",
    "test_gone_webhooks.py::test_it_is_not_called_until_somebody_enables_it",
    "test_follow_ups.py::test_a_status_page_hears_of_every_change_once",
    "test_links.py::test_a_link_works_once",
    "test_two_nodes.py::test_a_step_fires_once_whoever_looks",
)
"""What between them writes to nearly every table."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The previous revision, which takes a database at today's schema for its own."""
    commit = find_previous()
    assert commit is not None
    archive = git("archive", commit, "src", "receiver", "tests", "pyproject.toml").stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(tmp_path, filter="data")
    shutil.copytree(ROOT / VERSIONS, tmp_path / VERSIONS, dirs_exist_ok=True)
    migrate = tmp_path / MIGRATE
    migrate.write_text(DECLARATION.sub(f'HEAD = "{HEAD}"', migrate.read_text()))
    return tmp_path


def test_old_code_runs_on_the_new_schema(old: Path) -> None:
    """Alerts come in, steps fire, webhooks are sent and people answer, on SQLite and PostgreSQL."""
    there = [each for each in BEHAVIOURS if is_in(old, each)]
    assert len(there) >= 10
    tests = [f"tests/behaviour/{each}" for each in there]
    ran = run(old, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-1000:]
    assert run(old, "-c", "import tocsin; print(tocsin.__file__)").stdout.startswith(str(old))


def is_in(old: Path, behaviour: str) -> bool:
    """Return whether the old revision has a test, or tests of a file."""
    file, _, name = behaviour.partition("::")
    path = old / "tests" / "behaviour" / file
    return path.exists() and name in path.read_text()


def run(old: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the old code in front of ours."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=old,
        env={**os.environ, "PYTHONPATH": f"{old / 'src'}:{old / 'receiver' / 'src'}:{old}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
