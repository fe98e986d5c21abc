"""Addresses with a query."""

from collections.abc import Mapping
from urllib.parse import urlencode


def address_with(path: str, query: Mapping[str, str], **more: str) -> str:
    """Return the address of a page with a query, and with what `more` says instead; what is empty is left out."""
    words = {name: value for name, value in {**query, **more}.items() if value}
    return f"{path}?{urlencode(words)}" if words else path
