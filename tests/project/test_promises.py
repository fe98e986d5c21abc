"""Every promise has its proof, and every behaviour that is tested is promised."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROMISES = ROOT / "tests" / "promises.md"
BEHAVIOUR = "tests/behaviour/"
ROW = re.compile(r"\| (?P<id>\d+\.\d+[a-z]) \| (?P<promise>[^|]+) \| (?P<proof>[^|]*) \|")
TEST = re.compile(r"`(tests/[\w/]+\.py::\w+)`")


def read_part(text: str, title: str) -> list[tuple[str, str]]:
    """Return the id and the last cell of each row below a title."""
    _, _, after = text.partition(f"\n## {title}\n")
    part, _, _ = after.partition("\n## ")
    rows = [line for line in part.splitlines() if re.match(r"\| \d", line)]
    found = [ROW.fullmatch(line) for line in rows]
    assert all(found), [line for line, row in zip(rows, found, strict=True) if row is None]
    return [(row["id"], row["proof"]) for row in found if row]


def names_in(file: Path) -> Iterator[str]:
    """Yield the tests of a file as a promise names them."""
    name = file.relative_to(ROOT).as_posix()
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.FunctionDef(name=test) | ast.AsyncFunctionDef(name=test):
                if test.startswith("test_"):
                    yield f"{name}::{test}"


def all_tests() -> set[str]:
    return {test for file in (ROOT / "tests").rglob("test_*.py") for test in names_in(file)}


def problems(text: str, tests: set[str]) -> list[str]:
    """Return everything that is wrong with a list of promises, given the tests that exist."""
    kept, later = read_part(text, "Kept"), read_part(text, "Not yet")
    proofs = [(id_, TEST.findall(proof)) for id_, proof in kept]
    named = {test for _, proof in proofs for test in proof}
    behaviours = {test for test in tests if test.startswith(BEHAVIOUR)}
    counts = Counter(id_ for id_, _ in [*kept, *later])
    return [
        *(f"{id_} has no test" for id_, proof in proofs if not proof),
        *(f"{test} does not exist" for test in sorted(named - tests)),
        *(f"{test} is named by no promise" for test in sorted(behaviours - named)),
        *(f"{id_} is there {count} times" for id_, count in counts.items() if count > 1),
        *(f"{id_} is kept: move it" for id_, cell in later if TEST.search(cell)),
    ]


def test_every_promise_has_its_proof() -> None:
    """No promise without a test, no test that is not there, no behaviour that nobody promised."""
    assert not problems(PROMISES.read_text(), all_tests())


def test_the_check_finds_what_is_wrong() -> None:
    """Each of its complaints, on a list that has them all."""
    text = """
## Kept

| id | promise | proof |
|---|---|---|
| 1.1a | Fine. | `tests/behaviour/test_a.py::test_one` |
| 1.1b | Unproven. | soon |
| 1.1a | Twice, and stale. | `tests/domain/test_b.py::test_gone` |

## Not yet

| id | promise | waits for |
|---|---|---|
| 2.1a | Kept already. | `tests/behaviour/test_a.py::test_one` |
"""
    tests = {"tests/behaviour/test_a.py::test_one", "tests/behaviour/test_a.py::test_two"}
    assert problems(text, tests | {"tests/domain/test_b.py::test_not_asked_for"}) == [
        "1.1b has no test",
        "tests/domain/test_b.py::test_gone does not exist",
        "tests/behaviour/test_a.py::test_two is named by no promise",
        "1.1a is there 2 times",
        "2.1a is kept: move it",
    ]
