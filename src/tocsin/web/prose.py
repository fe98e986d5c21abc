"""Sentences of the domain, which are the same for everybody, as a page shows them to one reader."""

import re
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Final

from tocsin.web.times import clock_text, read_instant, time_element

if TYPE_CHECKING:
    from markupsafe import Markup

_INSTANT: Final = re.compile(r"(?P<at>\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?Z)")
"""As sentences (`instant_text`, `date_text`) and facts (`format_instant`) name it."""
_NAMED: Final = re.compile(
    rf"{_INSTANT.pattern}|(?P<aside> \(dlv_[0-9a-f]{{16}}\))"
    r"|\b(?P<delivery>dlv_[0-9a-f]{16})\b|\b(?P<alert>[Aa]lert alr_[0-9a-f]{16})\b"
)
_SAYS: Final = ", who says: "
"""Behind it come somebody's own words, and nothing with an id."""
_ENOUGH: Final = 4
"""Letters of an id by which people tell it from those beside it."""


def prose(text: str, *, now: datetime, zone: tzinfo) -> "Markup":
    """Return a sentence as a page shows it.

    An instant, which it names in UTC, is in the reader's time zone; a delivery's id is a link, or left out where
    it is an aside; an alert's, of which there is no page, is left out. What it quotes keeps all but its instants.
    """
    ours, says, theirs = text.partition(_SAYS)
    quoted = _shown(says + theirs, _INSTANT, now=now, zone=zone)
    return _shown(ours, _NAMED, now=now, zone=zone) + quoted


def local_prose(text: str, *, now: datetime, zone: tzinfo) -> "Markup":
    """Return what an alert says, with instants in the reader's time zone and nothing else changed."""
    return _shown(text, _INSTANT, now=now, zone=zone)


def _shown(text: str, named: re.Pattern[str], *, now: datetime, zone: tzinfo) -> "Markup":
    from markupsafe import Markup, escape  # noqa: PLC0415 - see rendering.py

    parts, end = [], 0
    for found in named.finditer(text):
        parts.append(escape(text[end : found.start()]))
        end = found.end()
        word = "d" if found.start() else "D"
        match found.lastgroup:
            case "at":
                parts.append(_instant(found[0], now, zone))
            case "alert":
                parts.append(escape("an alert" if found.start() else "An alert"))
            case "delivery":
                link = Markup('<a href="/deliveries/{}">{}elivery \u2026{}</a>')
                parts.append(link.format(found[0], word, found[0][-_ENOUGH:]))
    return Markup("").join([*parts, escape(text[end:])])


def _instant(text: str, now: datetime, zone: tzinfo) -> "Markup":
    from markupsafe import escape  # noqa: PLC0415 - see rendering.py

    at = read_instant(text)
    if at is None:  # an alert may say what only looks like one
        return escape(text)
    return time_element(at, now=now, zone=zone, words=clock_text(at, now, zone))
