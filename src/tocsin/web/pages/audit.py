"""The audit log: who changed what, and what it was before."""

import re
from datetime import datetime
from typing import Final, NamedTuple

from starlette.responses import Response

from tocsin.actions.changes import search_changes
from tocsin.domain.actor import OF_A_USER, SERVER, name_of_actor
from tocsin.domain.change_lines import FieldChange, field_changes
from tocsin.domain.timeline import ENGINE
from tocsin.service.cursors import read_cursor, write_cursor
from tocsin.store.changes import Change
from tocsin.web.addresses import address_with
from tocsin.web.route import Access, Route
from tocsin.web.times import read_instant
from tocsin.web.visit import Visit

AUDIT: Final = "/audit"
WITHIN: Final = 10_000
"""How many changes one look passes at the most."""
_NO_USERS: Final = (SERVER, ENGINE, "local")
_LIKE_AN_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]{5,15}(Z|[+-]\d\d:\d\d)")


class Shown(NamedTuple):
    """One change, ready to be shown."""

    change: Change
    by: str
    fields: list[FieldChange]


_LONGEST: Final = 300
"""Characters of what is looked for; no name has more."""
SHOWN: Final = 30
"""A change may tell of many fields."""


async def show_audit(visit: Visit) -> Response:
    """List the changes, the latest first. Raises: InvalidCursor."""
    actor, about = (visit.query.get(name, "")[:_LONGEST].strip() for name in ("actor", "about"))
    before = read_cursor(visit.query.get("after"))
    found = await visit.work.read(
        lambda tx: search_changes(
            tx,
            limit=SHOWN,
            within=WITHIN,
            before=before,
            actor=_actor(actor),
            about=_storable(about),
        )
    )
    older = ""
    if found.unseen_below is not None:
        after = write_cursor(found.unseen_below)
        older = address_with(AUDIT, {"actor": actor, "about": about}, after=after)
    return visit.render(
        "audit.html",
        changes=[
            Shown(each, name_of_actor(each.actor), field_changes(each.before, each.after))
            for each in found.changes
        ],
        actor=actor,
        about=about,
        older=older,
        is_full=len(found.changes) == SHOWN,
        within=WITHIN,
        instant=_instant,
    )


def _actor(text: str) -> str | None:
    """Return whose changes to look for: a mere name is a user's."""
    is_whole = not text or ":" in text or text in _NO_USERS
    return _storable(text if is_whole else OF_A_USER + text)


def _instant(text: str) -> datetime | None:
    """Return the instant that a value is, if it is one."""
    return read_instant(text) if _LIKE_AN_INSTANT.fullmatch(text) else None


def _storable(text: str) -> str | None:
    """Return what to look for; None for nothing. No text with U+0000 is in any store."""
    return text.replace("\x00", "\ufffd") or None


ROUTES: Final = (Route(AUDIT, "GET", Access.ADMINISTER, show_audit),)
