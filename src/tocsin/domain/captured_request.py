"""An HTTP request as somebody captured it: from a terminal, a log, an editor, a packet trace."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from tocsin.errors import TocsinError

_REQUEST_LINE: Final = re.compile(r"[A-Z]{2,16} (\S+)(?: HTTP/[0-9.]+)?")
_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_LINE_END: Final = re.compile(rb"\r?\n")
_CHUNK: Final = re.compile(rb"([0-9a-fA-F]{1,8})(?:[ \t]*;[^\r\n]*)?\r?\n")


class NotARequest(TocsinError):
    """What was captured cannot be read as an HTTP request."""

    code: ClassVar[str] = "not_a_request"


@dataclass(frozen=True, slots=True)
class CapturedRequest:
    """A request, and what is odd about its capture.

    `target` is what the request line asks for: a path and query, or a whole URL.
    """

    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    notes: tuple[str, ...] = ()

    def header(self, name: str) -> str | None:
        """Return the first header of this name, in any case."""
        return next((value for given, value in self.headers if given.lower() == name.lower()), None)

    @property
    def seen_urls(self) -> tuple[str, ...]:
        """What the request itself says of the URL that it was sent to."""
        return tuple(dict.fromkeys(self._seen_urls()))

    def _seen_urls(self) -> Iterator[str]:
        if not self.target.startswith("/"):
            yield self.target
            return
        target = (self.header("x-forwarded-prefix") or "").rstrip("/") + self.target
        port = self.header("x-forwarded-port")
        for name in ("x-forwarded-host", "host"):
            host = (self.header(name) or "").partition(",")[0].strip()
            if host:
                yield f"https://{host}{target}"
                if port:
                    yield f"https://{host.partition(':')[0]}:{port}{target}"


def read_captured_request(data: bytes) -> CapturedRequest:
    """Return the request that `data` holds, whatever ends its lines.

    Bytes beyond its Content-Length, such as an editor's last line end, are left out. Raises: NotARequest.
    """
    data = data.lstrip(b"\r\n")
    end = _HEAD_END.search(data)
    head, rest = (data[: end.start()], data[end.end() :]) if end else (data.rstrip(b"\r\n"), b"")
    first, *lines = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    found = _REQUEST_LINE.fullmatch(first.strip())
    if found is None:
        raise NotARequest(
            "this is no captured request: it begins with a line such as POST /hook HTTP/1.1, then come "
            "its headers, an empty line, and its body"
        )
    request = CapturedRequest(found[1], tuple(_read_header(line) for line in lines), rest)
    body, notes = _read_body(request)
    return CapturedRequest(request.target, request.headers, body, notes)


def _read_header(line: str) -> tuple[str, str]:
    found = _HEADER.fullmatch(line.rstrip())
    if found is None:
        raise NotARequest(
            f"this line is no header of a captured request: {line[:60]!r}; each is a name, a colon and a "
            "value, and an empty line comes before the body"
        )
    return found[1], found[2]


def _read_body(request: CapturedRequest) -> tuple[bytes, tuple[str, ...]]:
    encoding = (request.header("content-encoding") or "identity").lower()
    if encoding != "identity":
        raise NotARequest(f"the body is encoded ({encoding[:20]}): capture the request before that")
    if "chunked" in (request.header("transfer-encoding") or "").lower():
        return _unchunked(request.body), ("The body was sent in chunks, which were put together.",)
    written = request.header("content-length") or ""
    if not re.fullmatch(r"[0-9]{1,12}", written):
        stripped = request.body.rstrip(b"\r\n")
        note = "The capture has no Content-Length; line ends after the body were left out."
        return stripped, (note,) if stripped != request.body else ()
    length = int(written)
    if len(request.body) > length:
        more = len(request.body) - length
        note = f"The capture goes on after the {length} bytes of its Content-Length: {more} more were left out."
        return request.body[:length], (note,)
    if len(request.body) < length:
        note = f"Of the {length} bytes of Content-Length only {len(request.body)} were captured."
        return request.body, (note,)
    return request.body, ()


def _unchunked(data: bytes) -> bytes:
    pieces: list[bytes] = []
    at = 0
    while found := _CHUNK.match(data, at):
        size = int(found[1], 16)
        piece = data[found.end() : found.end() + size]
        if size == 0 or len(piece) < size:
            return b"".join([*pieces, piece])
        pieces.append(piece)
        end = _LINE_END.match(data, found.end() + size)
        at = end.end() if end else found.end() + size
    return b"".join(pieces)
