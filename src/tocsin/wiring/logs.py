"""Structured logs: one line for each happening, `noun.verbed` and its facts, on standard error."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from tocsin.domain.masking import KnownSecrets, Masking

# What every record has; whatever else it carries is a fact of the happening.
_USUAL: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogMask:
    """Takes secrets out of every line. Until a store is open, only what has the form of one is known."""

    def __init__(self) -> None:
        self.mask: Masking = KnownSecrets().mask

    def __call__(self, text: str) -> str:
        return self.mask(text)


def set_up_logs(
    form: str, mask: Masking, *, stream: TextIO | None = None, process: int | None = None
) -> None:
    """Send all logs to `stream` (standard error by default), as `text` for people or as `json`.

    `process` is named in every line: which of several that write to one stream this is.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    formatter = JsonFormatter if form == "json" else TextFormatter
    handler.setFormatter(formatter(mask, process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "alembic"):  # they tell of themselves, not of us
        logging.getLogger(name).setLevel(logging.WARNING)


class _Formatter(logging.Formatter):
    """Whatever a line says, and a traceback above all, may quote what somebody sent.

    A text is masked before the line quotes it once more, and the whole line is, as facts need not be texts.
    """

    def __init__(self, mask: Masking, process: int | None = None) -> None:
        super().__init__()
        self.mask = mask
        self._always = {} if process is None else {"process": process}

    def format(self, record: logging.LogRecord) -> str:
        """Return what the log gets of a record."""
        return self.mask(self.line(record))

    def line(self, record: logging.LogRecord) -> str:
        raise NotImplementedError

    def facts(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return what the line says beside the happening's name."""
        told = {name: value for name, value in vars(record).items() if name not in _USUAL}
        return told | self._always


class TextFormatter(_Formatter):
    """`2026-11-02T03:00:07.125Z ERROR tick.failed cause="database is locked"`."""

    def line(self, record: logging.LogRecord) -> str:
        """Return one line, and the traceback of an unexpected error below it."""
        facts = "".join(
            f" {name}={self._shown(value)}"
            for name, value in self.facts(record).items()
            if value is not None
        )
        line = f"{_instant(record)} {record.levelname} {_one_line(record.getMessage())}{facts}"
        return line if not record.exc_info else f"{line}\n{self.formatException(record.exc_info)}"

    def _shown(self, value: object) -> str:
        return str(value) if isinstance(value, int | float) else json.dumps(self.mask(str(value)))


class JsonFormatter(_Formatter):
    """One JSON object a line: at, level, event, logger, and the facts."""

    def line(self, record: logging.LogRecord) -> str:
        """Return one line, also where there is a traceback."""
        line: dict[str, Any] = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            **self.facts(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        masked = {
            name: self.mask(value) if isinstance(value, str) else value
            for name, value in line.items()
        }
        return json.dumps(masked, default=lambda value: self.mask(str(value)))


def _instant(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(text: str) -> str:
    return text.replace("\n", "\\n").replace("\r", "\\r")
