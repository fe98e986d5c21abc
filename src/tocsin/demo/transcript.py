"""How the story looks: chapters, and a line for each request, in columns."""

import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from tocsin.cli.paint import Cell, Colour
from tocsin.cli.shell import Shell
from tocsin.cli.table import cut
from tocsin.demo.receiver import Call

_INDENT: Final = 3
_WIDTH: Final = 96
_NONE: Final = "-"
_VERIFIED: Final = Cell("verified", Colour.GOOD)
_REFUSED: Final = Cell("refused", Colour.BAD)
_COLUMNS: Final = {
    "SECONDS": 8,
    "STEP": 9,
    "WEBHOOK": 12,
    "DELIVERY": 20,
    "ATTEMPT": 7,
    "STATUS": 6,
    "SIGNATURE": 9,
}


class Transcript:
    """Tells what happens, as it happens. `started_at` is what seconds are counted from."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._chapters = 0
        self._width = min(shell.width or _WIDTH, _WIDTH)
        self.started_at: datetime | None = None

    def begin(self, *sentences: str | Cell) -> None:
        for sentence in sentences:
            self._say(sentence)

    def chapter(self, title: str) -> None:
        self._chapters += 1
        self._say()
        self._say(Cell(str(self._chapters), Colour.FAINT), Cell(title, Colour.STRONG))

    def headings(self) -> None:
        """Name the columns; once, because they are the same for all chapters."""
        self._columns([Cell(name, Colour.FAINT) for name in (" SECONDS", *list(_COLUMNS)[1:])])

    def quote(self, text: str, *, hanging: int = 0) -> None:
        """Show a text line by line; what does not fit goes on below, `hanging` columns further in."""
        width = self._width - 2 * _INDENT
        for line in text.splitlines():
            shown = textwrap.wrap(line, width, subsequent_indent=" " * hanging)
            for part in shown or [""]:
                self._say(part, indent=2 * _INDENT)

    def called(self, call: Call, step: str) -> None:
        """Show a request that a receiver got, and its answer."""
        is_good = call.status < 300
        self.row(
            call.at,
            step,
            call.webhook,
            delivery=cut(call.delivery or _NONE, _COLUMNS["DELIVERY"]),
            attempt=str(call.attempt or _NONE),
            status=Cell(str(call.status), Colour.GOOD if is_good else Colour.WAITING),
            signature=_REFUSED if call.refusal else _VERIFIED,
        )
        if call.refusal:
            self.remark(f"The receiver's log says: {call.refusal}.")

    def row(
        self,
        at: datetime,
        step: str,
        webhook: str = _NONE,
        *,
        delivery: str = _NONE,
        attempt: str = _NONE,
        status: str | Cell = _NONE,
        signature: str | Cell = _NONE,
    ) -> None:
        """Show one happening in columns."""
        seconds = self._seconds(at)
        self._columns([seconds, step, webhook, delivery, attempt, status, signature])

    def happened(self, at: datetime, text: str) -> None:
        """Show a happening that is no request."""
        self._say(self._seconds(at), text, indent=_INDENT)

    def remark(self, text: str) -> None:
        """Say something about what stands above."""
        for line in textwrap.wrap(text, self._width - 2 * _INDENT):
            self._say(Cell(line, Colour.FAINT), indent=2 * _INDENT)

    def fields(self, fields: Mapping[str, str]) -> None:
        """Show some fields of a form."""
        longest = max(map(len, fields))
        for name, value in fields.items():
            shown = cut(value, self._width - 2 * _INDENT - longest - 2)
            self._say(Cell(name.ljust(longest), Colour.FAINT), shown, indent=2 * _INDENT)

    def end(self, *sentences: str | Cell) -> None:
        self._say()
        self.begin(*sentences)

    def _seconds(self, at: datetime) -> str:
        assert self.started_at is not None, "the alert starts the count"
        return f"{(at - self.started_at) / timedelta(seconds=1):+8.3f}"

    def _columns(self, cells: Sequence[str | Cell]) -> None:
        *others, last = (_padded(*each) for each in zip(cells, _COLUMNS.values(), strict=True))
        self._say(*others, Cell(last.text.rstrip(), last.colour), indent=_INDENT)

    def _say(self, *parts: str | Cell, indent: int = 0) -> None:
        self._shell.say(*parts, indent=indent)
        self._shell.out.flush()


def _padded(cell: str | Cell, width: int) -> Cell:
    if isinstance(cell, Cell):
        return Cell(cell.text.ljust(width), cell.colour)
    return Cell(cell.ljust(width), Colour.FAINT if cell == _NONE else None)
