"""Slugs: the names by which files, commands and URLs know a team, a policy or a webhook."""

import hashlib
import re
import unicodedata
from typing import ClassVar, NewType

from tocsin.errors import TocsinError

Slug = NewType("Slug", str)

LONGEST_SLUG = 64
# A hyphen in front would read as an option on a command line.
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_OTHER = re.compile(r"[^a-z0-9]+")
_EXAMPLE = "database-2"
# Of 12 characters or more, at least one of them a digit.
_SECRET_LIKE = re.compile(r"(?s)(?=.{12}).*[0-9]")


class InvalidSlug(TocsinError):
    """The text cannot be a slug."""

    code: ClassVar[str] = "invalid_slug"


def is_slug(text: str) -> bool:
    """Return whether a text is a slug."""
    return _SLUG.fullmatch(text) is not None


def parse_slug(text: str) -> Slug:
    """Return `text` as a slug. Nothing is repaired: a slug is what two files agree on.

    Raises: InvalidSlug, with a slug to use instead, unless the text may be a secret: that is taken out
    of what leaves the server as it was written, but not as we would write it.
    """
    if not is_slug(text):
        instead = None if _SECRET_LIKE.match(text) else slug_from_name(text)
        raise InvalidSlug(
            f"{text[:LONGEST_SLUG]!r} cannot be a slug: write 1 to {LONGEST_SLUG} lower-case "
            f"letters, digits and inner hyphens, such as {instead or _EXAMPLE!r}",
            given=text[:LONGEST_SLUG],
            instead=instead,
        )
    return Slug(text)


def slug_from_name(name: str) -> Slug:
    """Return the slug for a name: its letters without accents, hyphens for all else.

    Two names may give one slug; whoever stores it looks. A name with no letter that has an ASCII
    form gives `unnamed-` and eight digits of its SHA-256, the same each time.
    """
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    # Twice lower: compatibility forms such as a superscript capital fold only after NFKD.
    words = _OTHER.sub("-", plain.lower()).strip("-")
    slug = words[:LONGEST_SLUG].rstrip("-")
    return Slug(slug or f"unnamed-{_digits(name)}")


def _digits(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
