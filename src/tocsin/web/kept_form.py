"""What was typed into a form that came too late, because its session had ended: handed back, to be sent again.

It travels through the sign-in as a hidden field, and then stands in a page of its own, behind a button. Only
what a page of ours sent from this browser is handed back, only to whom its route admits, and never a secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response

from tocsin.errors import TocsinError
from tocsin.service.body import BodyTooLarge, read_body
from tocsin.web.headers import is_surely_from_here
from tocsin.web.refusals import NoSuchPage
from tocsin.web.visit import CSRF_FIELD, Visit, read_form

LARGEST_FORM: Final = 1024 * 1024
"""Bytes."""
MOST_KEPT: Final = 100_000
"""Bytes, as a form is sent."""
LARGEST_OF_STRANGERS: Final = 3 * MOST_KEPT + 10_000
"""Bytes of a form that comes without a session: what is kept, encoded once more, beside a name and a password.

No more, because reading a form takes the loop up to 250 ms for each megabyte, and anybody may send one.
"""
KEPT, KEPT_PATH = "kept", "kept_path"
"""The hidden fields of a sign-in that carry it."""
_UNSEEN: Final = ("seen", "made-from", "name-before")
"""Fields that no page shows."""


@dataclass(frozen=True, slots=True)
class KeptForm:
    """A form that can be sent again."""

    path: str
    fields: Sequence[tuple[str, str]] = ()
    missing: Sequence[str] = ()
    """Secrets that were filled in, and are not handed back."""
    is_too_long: bool = False
    """Then there is nothing of it."""

    @property
    def text(self) -> str:
        """All of it as one text, which `sent_back` reads."""
        return urlencode([*self.fields, *((name, "") for name in self.missing)])

    @property
    def shown(self) -> list[tuple[str, str]]:
        """What somebody typed or chose, by words."""
        seen = ((name, text) for name, text in self.fields if text and name not in _UNSEEN)
        return [(words_of(name), text) for name, text in seen]


def words_of(name: str) -> str:
    """Return the name of a field for people."""
    return name.replace("_", " ").replace("-", " ")


def most_of_form(visit: Visit) -> int:
    """Return how long a form may be that has not been read yet. Units: bytes."""
    return LARGEST_OF_STRANGERS if visit.who is None else LARGEST_FORM


async def keep(visit: Visit) -> KeptForm | None:
    """Return what was sent just now, to be sent again; None: nothing is to be handed back."""
    path = visit.request.url.path
    found = visit.find_form(path)
    if found is None or visit.is_fragment or not is_surely_from_here(visit.request.headers):
        return None
    try:
        if not visit.is_read:  # as a stranger's is not
            visit.fields = read_form(
                await read_body(visit.request.receive, at_most=most_of_form(visit))
            )
    except (BodyTooLarge, ValueError):
        return KeptForm(path, is_too_long=True)
    secrets = found.route.secrets
    return _kept(
        path, [each for each in visit.fields if each[1] or each[0] not in secrets], secrets
    )


def sent_back(visit: Visit) -> KeptForm | None:
    """Return what a sign-in has carried; None: nothing, or nothing that a form of ours could have sent."""
    text, path = visit.form.get(KEPT, ""), visit.form.get(KEPT_PATH, "")
    found = visit.find_form(path)
    if found is None or len(text) > MOST_KEPT:
        return None
    try:
        return _kept(path, read_form(text.encode()), found.route.secrets)
    except ValueError:
        return None


def show_kept(visit: Visit, kept: KeptForm, refusal: TocsinError | None = None) -> Response:
    """Show what was typed, and a button that sends it. Raises: NoSuchPage, NotAllowed, SignInFirst."""
    found = visit.find_form(kept.path)
    if found is None:
        raise NoSuchPage
    found.admit(visit.who)
    status = refusal.status_hint if refusal else 200
    return visit.render(
        "kept_form.html",
        status=status,
        is_whole=True,
        kept=kept,
        refusal=refusal,
        words_of=words_of,
    )


def _kept(path: str, fields: Sequence[tuple[str, str]], secrets: frozenset[str]) -> KeptForm | None:
    ours = [(name, text) for name, text in fields if name not in secrets and name != CSRF_FIELD]
    if not any(text.strip() for _, text in ours):
        return None
    kept = KeptForm(path, ours, sorted({name for name, _ in fields if name in secrets}))
    return kept if len(kept.text) <= MOST_KEPT else KeptForm(path, is_too_long=True)
