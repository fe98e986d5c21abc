"""Structured logs: one line for each happening, `noun.verbed` and its facts, on standard error."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

# What every record has; whatever else it carries is a fact of the happening.
_USUAL: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up_logs(form: str, *, stream: TextIO | None = None) -> None:
    """Send all logs to `stream` (standard error by default), as `text` for people or as `json`."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "alembic"):  # they tell of themselves, not of us
        logging.getLogger(name).setLevel(logging.WARNING)


class TextFormatter(logging.Formatter):
    """`2026-11-02T03:00:07.125Z ERROR tick.failed cause="database is locked"`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and the traceback of an unexpected error below it."""
        facts = "".join(f" {name}={_shown(value)}" for name, value in _facts(record).items())
        line = f"{_instant(record)} {record.levelname} {_one_line(record.getMessage())}{facts}"
        return line if not record.exc_info else f"{line}\n{self.formatException(record.exc_info)}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: at, level, event, logger, and the facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, also where there is a traceback."""
        line: dict[str, Any] = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            **_facts(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _USUAL}


def _instant(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown(value: object) -> str:
    return str(value) if isinstance(value, int | float) else json.dumps(str(value))


def _one_line(text: str) -> str:
    return text.replace("\n", "\\n").replace("\r", "\\r")
