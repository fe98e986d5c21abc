"""How a command that works for long says how far it is."""

from collections.abc import Sequence
from typing import Any, Final

from tocsin.cli.shell import Shell

_EVERY: Final = 2.0  # seconds


class Progress:
    """Prints where a long work is, on standard error, every few seconds."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._told_at = shell.clock.monotonic()

    def __call__(self, what: str, done: int, of: int | None) -> None:
        now = self._shell.clock.monotonic()
        if now - self._told_at < _EVERY:
            return
        self._told_at = now
        far = f"{done:,} of {of:,}" if of else f"{done:,}"
        self._shell.complain(f"{what}: {far}" if done else what)


def size_text(size: int) -> str:
    """Return a number of bytes as people read it: `812 KiB`, `1.4 GiB`."""
    value, unit = float(size), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}" if value >= 10 or unit == "bytes" else f"{value:.1f} {unit}"


def show_tables(tables: Sequence[Any], shell: Shell) -> None:
    """Print how many rows each table has that was copied."""
    filled = [table for table in tables if table.rows]
    if not filled:
        return
    shell.table(
        ("TABLE", "ROWS", "DIGEST"),
        [(table.name, f"{table.rows:,}", table.digest) for table in filled],
    )


def tables_for_programs(tables: Sequence[Any]) -> list[dict[str, Any]]:
    return [{"name": each.name, "rows": each.rows, "digest": each.digest} for each in tables]
