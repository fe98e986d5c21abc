"""What was found by fuzzing, so that it stays mended."""

import pytest
from fuzz.everything import TARGETS

FOUND = [
    # A CA bundle with a comment that is not ASCII: OpenSSL's TypeError came out.
    ("ca-bundle", b"\xc2\x80"),
    # What the request says of its URL had half a character.
    ("explain", b"\x00\xff\xffx\xff\xffhttp://h/\x80\xff"),
    # 999999999 days and a day's worth of seconds are more than a timedelta holds.
    ("duration", b"999999999d99919s"),
    # A head that broke off had more headers when it came byte by byte.
    ("answer", b"\x00\x10HTTP/1.1 100 \x8a\x8a0\r\nT: u\r\n1 `1400 \x8a\x8a\r\n\x8a\x8a\x8a\x8a"),
]


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_breaks_nothing_any_more(name: str, data: bytes) -> None:
    """Each was an error of another kind once, or an answer that was wrong."""
    TARGETS[name].feed(data)
