"""URLs that a webhook may have where a receiver verifies for another one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import product
from urllib.parse import quote, unquote

from tocsin_receiver.mistakes import Finding, Mistake

_URL = re.compile(r"(https?)://(\[[^]]*\]|[^/?:]+)(:\d+)?([^?]*)(.*)", re.DOTALL | re.IGNORECASE)
_PORTS = {"http": ":80", "https": ":443"}
_UNESCAPED_IN_PATHS = "/:@!$&'()*+,;=~%"

_FIXES = {
    Mistake.SCHEME: "give the URL with the scheme that the webhook has; behind a proxy that ends TLS "
    "a program sees http",
    Mistake.HOST: "give the URL with the host that the webhook has, not the one behind a proxy",
    Mistake.PORT: "give the URL with the port that the webhook has, and without one where it has none",
    Mistake.TRAILING_SLASH: "give the URL with the slashes that the webhook has, and no other at its "
    "end",
    Mistake.PATH: "give the URL with the path that the webhook has, escaped as it is there",
    Mistake.QUERY: "give the URL with the query that the webhook has, and without one where it has none",
    Mistake.URL_WHITESPACE: "take out the space or line's end around the URL",
}


def other_urls(url: str, seen: Iterable[str] = ()) -> list[str]:
    """Return the URLs that are like `url`, or like one that the request shows; the likeliest first."""
    bases = dict.fromkeys([url.strip(), *filter(_is_text, seen)])
    found = [each for base in bases for each in (base, *_urls_like(base))]
    return [each for each in dict.fromkeys(found) if each != url]


def _is_text(url: str) -> bool:
    try:
        url.encode()
    except UnicodeEncodeError:  # half a character, which nobody can have signed
        return False
    return True


def url_findings(given: str, signed: str) -> list[Finding]:
    """Return how the URL that was signed differs from the one that was verified for."""
    if signed == "":
        fix = "sign the webhook's URL, then the names and values"
        return [Finding(Mistake.URL_LEFT_OUT, "the signature was made without the URL", fix)]
    what = f"the request is signed for {signed} and was verified for {given}"
    return [Finding(mistake, what, _FIXES[mistake]) for mistake in _differences(given, signed)]


def _urls_like(url: str) -> Iterator[str]:
    """Yield `url` with the other scheme, another port, with or without the last slash or the query.

    Then with its path escaped in another way, and its host in lower case.
    """
    match = _URL.fullmatch(url)
    if not match:
        return
    _, host, given_port, path, query = match.groups(default="")
    paths = (path, path[:-1] if path.endswith("/") else path + "/")
    queries = dict.fromkeys((query, ""))
    for scheme, default_port in _PORTS.items():
        ports = dict.fromkeys((given_port, "", default_port))
        for port, ending, asked in product(ports, paths, queries):
            yield f"{scheme}://{host}{port}{ending}{asked}"
    begin = url[: match.start(4)]
    for other in (unquote(path), quote(path, safe=_UNESCAPED_IN_PATHS), re.sub("/+", "/", path)):
        yield begin + other + query
    yield begin.lower() + path + query


def _differences(given: str, signed: str) -> list[Mistake]:
    if given.strip() == signed:
        return [Mistake.URL_WHITESPACE]
    ours, theirs = _URL.fullmatch(given.strip()), _URL.fullmatch(signed)
    if not ours or not theirs:
        return [Mistake.PATH]
    kinds = (Mistake.SCHEME, Mistake.HOST, Mistake.PORT, Mistake.PATH, Mistake.QUERY)
    pairs = zip(kinds, ours.groups(default=""), theirs.groups(default=""))
    found = [mistake for mistake, one, other in pairs if one != other]
    if Mistake.PATH in found and ours[4].rstrip("/") == theirs[4].rstrip("/"):
        found[found.index(Mistake.PATH)] = Mistake.TRAILING_SLASH
    return found
