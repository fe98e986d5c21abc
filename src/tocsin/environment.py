"""The environment, read by name, with what is wrong in it gathered."""

import difflib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final, TypeVar

from tocsin.errors import TocsinError
from tocsin.secret import Secret

T = TypeVar("T")
PREFIX: Final = "TOCSIN_"
# Kubernetes sets TOCSIN_PORT and TOCSIN_SERVICE_HOST for a service of this name: not our business.
_LOOKS_MISSPELT: Final = 0.85


class Unusable(Exception):
    """Carries a sentence about a value to whoever knows the variable's name."""


class Reader:
    """Reads variables by name and gathers what is wrong with them."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.mistakes: dict[str, str] = {}

    def find(self, name: str) -> str | None:
        return self._env.get(f"{PREFIX}{name}", "").strip() or None

    def find_other(self, name: str) -> str | None:
        """Return a variable that is not ours."""
        return self._env.get(name) or None

    def value(self, name: str, read: Callable[[str], T], default: T) -> T:
        text = self.find(name)
        if text is None:
            return default
        try:
            return read(text)
        except (Unusable, TocsinError) as refusal:
            self.mistake(name, f"is {text[:200]!r}: {refusal}")
            return default

    def mistake(self, name: str, sentence: str) -> None:
        self.mistakes[f"{PREFIX}{name}"] = sentence

    def secret(self, name: str) -> Secret | None:
        """Return a secret, or the first line of the file that the variable with `_FILE` names."""
        text, file = self.find(name), self.find(f"{name}_FILE")
        if text and file:
            self.mistake(f"{name}_FILE", f"is set beside {PREFIX}{name}: unset one of the two")
        if text or not file:
            return Secret(text) if text else None
        try:
            lines = Path(file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            self.mistake(f"{name}_FILE", f"is {file!r}, which cannot be read: {why}")
            return None
        if not lines or not lines[0].strip():
            self.mistake(f"{name}_FILE", f"is {file!r}, whose first line is empty")
            return None
        return Secret(lines[0].strip())

    def check_names(self, known: Collection[str]) -> None:
        """Note variables that look like one of those, misspelt: ignoring them would hide it."""
        for name in sorted(self._env):
            if not name.startswith(PREFIX) or name in known:
                continue
            if near := difflib.get_close_matches(name, known, n=1, cutoff=_LOOKS_MISSPELT):
                self.mistakes[name] = f"is no setting of Tocsin: write {near[0]}, or unset it"
