"""What a command is given to work with, so that it reads nothing by itself."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TextIO

from tocsin.cli.paint import Cell, Colour, Painter, plain
from tocsin.cli.table import aligned
from tocsin.clock import Clock

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
    """The environment, the streams and the time. `now` is read once: a command sees one instant."""

    env: Mapping[str, str]
    out: TextIO
    err: TextIO
    now: datetime
    clock: Clock
    given: TextIO = field(default_factory=lambda: sys.stdin)
    """Standard input."""

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

    def say(self, *parts: str | Cell, indent: int = 0) -> None:
        """Print a line of parts, two columns apart. What they hold cannot steer a terminal."""
        line = "  ".join(map(self.painter.paint, parts))
        print(" " * indent + line, file=self.out)

    def lines(self, text: str, *, indent: int = 0) -> None:
        """Print a text that the server wrote, line by line."""
        for line in text.splitlines():
            self.say(line, indent=indent)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str | Cell]]) -> None:
        """Print rows under headings, in aligned columns."""
        for line in aligned(headings, list(rows), width=self.width, painter=self.painter):
            print(line, file=self.out)

    def listing(
        self,
        page: Mapping[str, Any],
        headings: Sequence[str],
        row: Callable[[Any], Sequence[str | Cell]],
        *,
        nothing: str,
        as_json: bool,
    ) -> None:
        """Print a list that the API answered, a row for each item; `nothing`, if there is none."""
        if as_json:
            self.json(page)
        elif not page["items"]:
            self.say(nothing)
        else:
            self.table(headings, [row(each) for each in page["items"]])
            self.say_if_more(page)

    def facts(self, facts: Mapping[str, str | Cell], *, indent: int = 0) -> None:
        """Print names and values, one a line."""
        longest = max(map(len, facts), default=0)
        for name, value in facts.items():
            self.say(Cell(name.ljust(longest), Colour.FAINT), value, indent=indent)

    def say_if_more(self, page: Mapping[str, Any]) -> None:
        """Say that a list goes on, and how to see more of it."""
        if page["next_cursor"]:
            self.say(f"... and more: --limit {2 * len(page['items'])}")

    def json(self, value: Any) -> None:
        """Print what the API answered, for programs."""
        print(json.dumps(value, indent=2, ensure_ascii=False), file=self.out)

    def complain(self, sentence: str) -> None:
        """Print a refusal or a warning where it does not mix with the result."""
        for line in sentence.splitlines():
            print(f"tocsin: {plain(line)}", file=self.err)

    def point_out(self, mistakes: str) -> None:
        """Print lines such as `file:3: field: mistake`, which programs look for at the beginning."""
        for line in mistakes.splitlines():
            print(plain(line), file=self.err)
