"""What is wrong in a configuration file: all of it at once, each with the line and the field."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from tocsin.errors import TocsinError

MOST_TOLD: Final = 100


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing to mend. `path` is empty for what is about the file as a whole."""

    line: int
    path: str
    message: str

    @property
    def facts(self) -> dict[str, str | int]:
        """What a program goes by."""
        return {"line": self.line, "field": self.path, "message": self.message}

    def text(self, file: str) -> str:
        """Return the line that a person, or an editor, finds the place by."""
        where = f"{self.path}: " if self.path else ""
        return f"{file}:{self.line}: {where}{self.message}"


class ConfigurationMistakes(TocsinError):
    """The file has mistakes, and so nothing of it was applied."""

    code: ClassVar[str] = "configuration_mistakes"
    status_hint: ClassVar[int] = 422

    def __init__(self, file: str, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        self.file = file
        super().__init__(
            _told(file, self.mistakes),
            file=file,
            count=len(self.mistakes),
            mistakes=[mistake.facts for mistake in self.mistakes[:MOST_TOLD]],
        )


def _told(file: str, mistakes: Sequence[Mistake]) -> str:
    lines = [mistake.text(file) for mistake in mistakes[:MOST_TOLD]]
    if len(mistakes) > MOST_TOLD:
        lines.append(f"... and {len(mistakes) - MOST_TOLD} more")
    return "\n".join([*lines, "Nothing was changed."])


def nearest(text: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that suggests what was meant; empty if nothing is near."""
    found = difflib.get_close_matches(text[:200], sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""
