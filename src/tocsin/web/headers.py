"""Headers of every page: what a browser may do with it, and from where a form may come."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

SECURITY_HEADERS: Final = {
    # Nothing from elsewhere, nothing inline, nothing evaluated, and in nobody's frame.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: a form would then come from nowhere, and could not be told from another site's.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "x-robots-tag": "noindex, nofollow",
}
NOT_KEPT: Final = "no-store"
HTTPS_ONLY: Final = "max-age=31536000"


def security_headers(scheme: str) -> dict[str, str]:
    """Return the headers of an answer. `scheme`: by which the browser came, as far as we know."""
    if scheme == "https":
        return {**SECURITY_HEADERS, "strict-transport-security": HTTPS_ONLY}
    return SECURITY_HEADERS


def is_from_here(headers: Mapping[str, str]) -> bool:
    """Return whether a form was sent by a page of ours, as far as the browser tells.

    One that tells nothing is no browser of these days, and whoever writes requests by hand has
    nobody's cookie. Source: https://www.w3.org/TR/fetch-metadata/ and RFC 6454, section 7.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
    except ValueError:
        return False


def is_surely_from_here(headers: Mapping[str, str]) -> bool:
    """Return whether the browser says that a page of ours sent a form; one that says nothing does not."""
    if "sec-fetch-site" in headers:
        return headers["sec-fetch-site"] == "same-origin"
    return "origin" in headers and is_from_here(headers)


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether a browser unpacks gzip."""
    return any(part.strip().partition(";")[0] == "gzip" for part in accept_encoding.split(","))
