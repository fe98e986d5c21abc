"""Slugs that pages have for themselves."""

from typing import ClassVar, Final

from tocsin.domain.slug import slug_from_name
from tocsin.errors import TocsinError

NEW: Final = "new"
"""The last word of the address of a form that makes something."""


class SlugOfAPage(TocsinError):
    """What is called so could not be looked at: its page would be the form that makes another."""

    code: ClassVar[str] = "slug_of_a_page"
    status_hint: ClassVar[int] = 422

    def __init__(self) -> None:
        super().__init__(f"{NEW!r} is the address of the form that makes one: choose another slug")


def check_page_slug(slug: str | None, *, name: str) -> None:
    """Refuse a slug, or the one that would be made of a name, that hides a page. Raises: SlugOfAPage."""
    if (slug_from_name(name) if slug is None else slug) == NEW:
        raise SlugOfAPage
