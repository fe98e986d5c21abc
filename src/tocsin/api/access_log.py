"""One line a request, and no key or token in it."""

import logging
import re
from typing import Final

from tocsin.domain.alert_key import masked
from tocsin.domain.intake import ALERT_PATH, HEARTBEAT_PATH, INTEGRATIONS
from tocsin.domain.one_time_link import LINK_PATH
from tocsin.secret import Secret

LONGEST_PATH: Final = 200
# Keys made here are UUIDs; somebody will post one to a path of their own invention.
_SECRET_LIKE: Final = re.compile(
    r"(?i)(?P<token>ts[nsi]_[a-z0-9_-]{4})[a-z0-9_-]*"
    r"|(?P<key>[0-9a-f]{4})[0-9a-f]{4}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
_NO_KEY: Final = masked(Secret(""))
logger = logging.getLogger("tocsin.access")


def shown_path(path: str) -> str:
    """Return a path as a log may show it: on one line, not too long, without keys and tokens.

    `path` is decoded already.
    """
    for prefix in (ALERT_PATH, HEARTBEAT_PATH):
        if path.startswith(prefix):
            return prefix + _after_key(path[len(prefix) :])
    if path.startswith(INTEGRATIONS):  # another product's path, perhaps, with a key who knows where
        return f"{INTEGRATIONS}..."
    if path[: len(LINK_PATH)].lower() == LINK_PATH:  # the token is as good at the right path
        return f"{LINK_PATH}..."
    return _printable(_without_secrets(path))


def _after_key(rest: str) -> str:
    """Return what follows the prefix of a path with a key in it: the key masked, and the rest."""
    key, slash, more = rest.partition("/")
    shown = masked(Secret(key))
    if shown == _NO_KEY:  # a slash too many, or something else before the key, which may follow
        return shown
    return shown + slash + _printable(_without_secrets(more))


def _without_secrets(text: str) -> str:
    return _SECRET_LIKE.sub(lambda found: f"{found[found.lastgroup or 0]}...", text)


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text[:LONGEST_PATH])
