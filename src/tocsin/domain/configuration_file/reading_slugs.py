"""The names of objects, and `was`, by which a renamed one stays the same."""

from collections.abc import Mapping

from tocsin.domain.configuration_file.place import Place
from tocsin.domain.slug import InvalidSlug, parse_slug


def check_key(slug: str, place: Place) -> None:
    """Note a key that cannot be a slug."""
    try:
        parse_slug(slug)
    except InvalidSlug as refusal:
        place.mistake(refusal.message)


def read_was(slug: str, fields: Mapping[str, Place]) -> str | None:
    """Return the slug that an object had before, if the file says so."""
    place = fields.get("was")
    was = place.read(parse_slug, None) if place else None
    if place and was == slug:
        place.mistake("this is the name it has; leave was out, or write the name it had before")
        return None
    return was
