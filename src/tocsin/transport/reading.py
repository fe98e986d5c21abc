"""What is made of an answer's parts: its first bytes, and its headers."""

from collections.abc import Iterable, Sequence

START = b"HTTP/1."
CLASS_AT = len(b"HTTP/1.1 ")
"""Where a status line has the first digit of the status."""
HEAD_CAP = 32 * 1024
"""Bytes until the headers of the answer proper are complete; 1xx answers before it count."""
ANSWER_CAP = 64 * 1024
KEPT_HEADERS = 64
KEPT_HEADER_BYTES = 4 * 1024
KEPT_VALUE = 1024
"""Bytes of one header's value; more of it would leave no room for others. As many again are there to see
where a secret ends that begins in these."""
ALL_KEPT = 4 * KEPT_HEADERS
"""Bytes of an answer so short that all of its headers are kept: the least is `a:` and a line's end."""
_TLS_RECORDS = (0x15, 0x16)  # an alert, a handshake
_HTTP_2_SETTINGS = b"\x04\x00\x00\x00\x00\x00"  # frame type, flags, stream

Header = tuple[bytes, bytes]


def describe_start(data: bytes) -> str:
    """Return what came instead of an answer, with the usual mistake where it looks like one."""
    if data[0] in _TLS_RECORDS and data[1:2] in (b"", b"\x03"):
        return "it speaks TLS: let the webhook's URL begin with https://"
    if data[3:9] == _HTTP_2_SETTINGS:
        return "it speaks HTTP/2 only: let it speak HTTP/1.1 too, or put a proxy before it"
    return f"it began with {data[:40]!r}"


def describe_excess(*, has_headers: bool) -> str:
    """Return which cap an answer went beyond."""
    if has_headers:
        return f"the answer is longer than {ANSWER_CAP // 1024} KiB; the rest was not read"
    return f"its headers do not end within {HEAD_CAP // 1024} KiB"


def announces_body(headers: Iterable[Header]) -> bool:
    """Tell whether a body would follow these headers, if the status allowed one."""
    return any(
        name.lower() in (b"content-length", b"transfer-encoding") and value != b"0"
        for name, value in headers
    )


def keep_headers(headers: Sequence[Header]) -> tuple[Header, ...]:
    """Return the first headers, without those for which there is no room."""
    kept, room = [], KEPT_HEADER_BYTES
    for name, value in headers[:KEPT_HEADERS]:
        length = len(name) + min(len(value), KEPT_VALUE)
        if length <= room:
            room -= length
            kept.append((name, value[: 2 * KEPT_VALUE]))
    return tuple(kept)
