"""The page about HTTP says what there is."""

import json
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/reference/api.md"
# Refusals that no answer of the server has: of the start, or told as a part of another refusal.
ELSEWHERE = {
    "duplicate_form_field",
    "duration_out_of_bounds",
    "duration_without_unit",
    "file_not_sent",
    "invalid_duration",
    "invalid_idempotency_key",
    "invalid_instant",
    "invalid_issuer",
    "invalid_place",
    "invalid_networks",
    "invalid_opening_types",
    "invalid_policy_path",
    "invalid_profile",
    "invalid_proxy",
    "invalid_times",
    "invalid_watch",
    "not_connected",
    "unknown_role",
}
# Alone in a process, so that all it finds is what the HTTP side itself imports, and can answer.
FIND = """
import json
import tocsin.api.app, tocsin.api.doorway, tocsin.api.outer, tocsin.engine.beats, tocsin.engine.inbox
from tocsin.errors import TocsinError

def errors(of):
    for error in of.__subclasses__():
        if hasattr(error, "code"):
            yield error.code, error.status_hint
        yield from errors(error)

print(json.dumps(dict(errors(TocsinError))))
"""


def test_every_code_is_on_the_page_with_its_status() -> None:
    """Codes are public: none is missing there, and none is there that is not in the code."""
    run = subprocess.run([sys.executable, "-c", FIND], capture_output=True, check=True)
    codes: dict[str, int] = json.loads(run.stdout)
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d+) \|", PAGE.read_text(), flags=re.MULTILINE)

    assert codes.keys() >= ELSEWHERE
    expected = {code: status for code, status in codes.items() if code not in ELSEWHERE}
    assert {code: int(status) for code, status in rows} == expected
