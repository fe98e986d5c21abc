"""What a form showed when it was opened, so that saving it undoes nothing that somebody else saved meanwhile."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import ClassVar, Final

from tocsin.domain.wording import listed
from tocsin.errors import TocsinError
from tocsin.stored_json import to_json

FIELD: Final = "seen"
"""The hidden field of the form that says what it showed. A form without it is saved as it is."""


class SavedMeanwhile(TocsinError):
    """Somebody else has saved other values since the form was opened."""

    code: ClassVar[str] = "saved_meanwhile"
    status_hint: ClassVar[int] = 409

    def __init__(self, differing: Iterable[str]) -> None:
        names = sorted(differing)
        super().__init__(
            "Somebody else saved this while it was being changed here, so nothing was saved. What stands below "
            f"differs from what is in force in: {listed(names, nothing='nothing')}. Save again, if it is right",
            differing=", ".join(names),
        )


def seen_text(values: Mapping[str, object]) -> str:
    """Return a text for what a form shows; another text for anything else."""
    return sha256(to_json(sorted(values.items())).encode()).hexdigest()[:32]


def seen_first(
    form: Mapping[str, str], now: Mapping[str, object], refusal: TocsinError | None
) -> str:
    """Return what the hidden field says: what the form showed first, until it is told what differs."""
    first = form.get(FIELD, "")
    return first if first and not isinstance(refusal, SavedMeanwhile) else seen_text(now)


def check_seen(
    form: Mapping[str, str], now: Mapping[str, object], typed: Mapping[str, object]
) -> None:
    """Refuse a form that was opened before what is in force `now`. Raises: SavedMeanwhile."""
    if form.get(FIELD, "") not in ("", seen_text(now)):
        raise SavedMeanwhile(
            name.replace("_", " ")
            for name in now.keys() | typed.keys()
            if _spaced(now.get(name)) != _spaced(typed.get(name))
        )


def _spaced(value: object) -> list[str]:
    """Return what is written, however its lines end."""
    return str(value).split()
