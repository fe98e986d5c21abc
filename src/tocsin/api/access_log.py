"""One line a request, and no key or token in it."""

import logging
import re
from typing import Final

from tocsin.api.ingestion import ALERT_PATH, INTEGRATIONS
from tocsin.domain.alert_key import masked
from tocsin.secret import Secret

LONGEST_PATH: Final = 200
# Keys made here are UUIDs; somebody will post one to a path of their own invention.
_SECRET_LIKE: Final = re.compile(
    r"(?i)(?P<token>tsn_[a-z0-9_-]{4})[a-z0-9_-]*"
    r"|(?P<key>[0-9a-f]{4})[0-9a-f]{4}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
logger = logging.getLogger("tocsin.access")


def shown_path(path: str) -> str:
    """Return a path as a log may show it: on one line, not too long, without keys and tokens.

    `path` is decoded already.
    """
    if path.startswith(ALERT_PATH):
        key, slash, routing_key = path[len(ALERT_PATH) :].partition("/")
        return ALERT_PATH + masked(Secret(key)) + slash + _printable(routing_key)
    if path.startswith(INTEGRATIONS):  # another product's path, perhaps, with a key who knows where
        return f"{INTEGRATIONS}..."
    return _printable(_SECRET_LIKE.sub(lambda found: f"{found[found.lastgroup or 0]}...", path))


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text[:LONGEST_PATH])
