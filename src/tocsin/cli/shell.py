"""What a command is given to work with, so that it reads nothing by itself."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TextIO

from tocsin.cli.paint import Cell, Painter, plain
from tocsin.cli.table import aligned

DONE: Final = 0
REFUSED: Final = 1
USAGE_ERROR: Final = 2
NO_SERVER: Final = 3
INTERRUPTED: Final = 130
"""128 and the number of SIGINT, as shells have it."""

EXIT_CODES: Final = {
    DONE: "done",
    REFUSED: "refused, and the reason is on stderr",
    USAGE_ERROR: "the command line or a setting is wrong",
    NO_SERVER: "no server could be reached",
}
"""What scripts may rely on."""


@dataclass(frozen=True, slots=True)
class Shell:
    """The environment, the streams and the instant. Read once: a command sees one instant."""

    env: Mapping[str, str]
    out: TextIO
    err: TextIO
    now: datetime

    @property
    def width(self) -> int | None:
        """How many columns the terminal has; None when stdout is not one, and nothing is cut."""
        if not self.out.isatty():
            return None
        try:
            return os.get_terminal_size(self.out.fileno()).columns or None
        except OSError:
            return None

    @property
    def painter(self) -> Painter:
        """Colours on a terminal, and not with NO_COLOR (https://no-color.org)."""
        return Painter(is_on=self.out.isatty() and not self.env.get("NO_COLOR"))

    def say(self, text: str | Cell = "", *, indent: int = 0) -> None:
        """Print a line. What the text holds cannot steer a terminal."""
        print(" " * indent + self.painter.paint(text), file=self.out)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str | Cell]]) -> None:
        """Print rows under headings, in aligned columns."""
        for line in aligned(headings, list(rows), width=self.width, painter=self.painter):
            print(line, file=self.out)

    def json(self, value: Any) -> None:
        """Print what the API answered, for programs."""
        print(json.dumps(value, indent=2, ensure_ascii=False), file=self.out)

    def complain(self, sentence: str) -> None:
        """Print a refusal or a warning where it does not mix with the result."""
        for line in sentence.splitlines():
            print(f"tocsin: {plain(line)}", file=self.err)
