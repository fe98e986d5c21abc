"""What pages and commands both say names neither: a person at a page has no terminal, and the other way round."""

import ast
from pathlib import Path
from typing import Final

import tocsin

_SOURCE: Final = Path(tocsin.__file__).parent
_COMMANDS: Final = frozenset(file.stem.replace("_", "-") for file in (_SOURCE / "cli").glob("*.py"))
_ONLY_TERMINALS: Final = {
    "actions/export.py": "heads a file that a command reads",
    "actions/configuration_file/yaml_text.py": "heads a file that a command reads",
    "actions/master_key.py": "there is no page of the master key",
    "actions/unlock.py": "the server does not start",
    "actions/poison.py": "an alert, which has no page yet when it is written",
    "domain/configuration_file/reading.py": "a file is applied by a command",
    "domain/node.py": "a node is started by a command",
    "domain/principal.py": "only programs show tokens",
    "store/moved.py": "the server does not start",
    "store/snapshot.py": "a backup is restored by a command",
}
"""Modules that name a command to people, and why no page says it."""


def test_what_pages_say_too_names_no_command() -> None:
    """Rules, actions and services say what to do in words that are true wherever they are read."""
    found = {
        path
        for folder in ("domain", "actions", "service", "store")
        for file in (_SOURCE / folder).rglob("*.py")
        if _names_a_command(file)
        for path in [str(file.relative_to(_SOURCE))]
    }
    assert found == set(_ONLY_TERMINALS)


def _names_a_command(file: Path) -> bool:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    descriptions = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return any(
        word in _COMMANDS
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in descriptions
        for _, *after in [node.value.split("tocsin ")]
        for word in [text.split(" ")[0].strip("'.,;)\n") for text in after]
    )
