"""What pages load beside themselves: style, scripts and pictures of our own, from memory."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from starlette.responses import Response

from tocsin.web.headers import accepts_gzip

STATIC: Final = "/static/"
_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_A_YEAR: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file, as it is and packed."""

    content: bytes
    packed: bytes
    media_type: str
    version: str
    """Changes with the content, so that browsers may keep it for ever."""


@cache
def static_files() -> dict[str, StaticFile]:
    """Return every file that pages may load, by its name below `/static/`."""
    found = (path for path in sorted(_FOLDER.rglob("*")) if path.suffix in _TYPES)
    return {path.relative_to(_FOLDER).as_posix(): _read(path) for path in found}


def static_url(name: str) -> str:
    """Return where a page finds a file. Raises: KeyError, if there is none."""
    return f"{STATIC}{name}?v={static_files()[name].version}"


def answer_static(name: str, *, accept_encoding: str) -> Response | None:
    """Return a file; None if there is none of this name."""
    file = static_files().get(name)
    if file is None:
        return None
    headers = {"cache-control": _FOR_A_YEAR, "vary": "accept-encoding"}
    content = file.content
    if accepts_gzip(accept_encoding):
        content, headers["content-encoding"] = file.packed, "gzip"
    return Response(content, media_type=file.media_type, headers=headers)


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    return StaticFile(
        content=content,
        packed=gzip.compress(content, mtime=0),
        media_type=_TYPES[path.suffix],
        version=hashlib.sha256(content).hexdigest()[:12],
    )
