"""What becomes of a bug: it is logged under an id, and whoever met it is told that id."""

import logging
from collections.abc import Callable
from typing import ClassVar

from tocsin.errors import TocsinError

logger = logging.getLogger(__name__)


class InternalError(TocsinError):
    """A bug. What it was is in the log, under the id that the answer gives."""

    code: ClassVar[str] = "internal_error"
    status_hint: ClassVar[int] = 500


def log_bug(
    error: Exception, new_id: Callable[[], str], *, method: str, path: str
) -> InternalError:
    """Log a bug with its traceback; return what to answer, which tells nothing but an id."""
    id_ = new_id()
    logger.error(
        "request.failed",
        extra={"error_id": id_, "method": method, "path": path},
        exc_info=error,
    )
    return InternalError(
        f"This is a bug of Tocsin, not of your request; the server's log tells more under {id_}",
        id=id_,
    )
