"""What was found by fuzzing, so that it stays mended."""

import pytest
from fuzz.everything import TARGETS

FOUND = [
    # A CA bundle with a comment that is not ASCII: OpenSSL's TypeError came out.
    ("ca-bundle", b"\xc2\x80"),
    # JSON with an equals sign was taken for a form.
    ("explain", b'\x01\xff\xff\xff\xff\xff{"": "="}'),
]


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_breaks_nothing_any_more(name: str, data: bytes) -> None:
    """Each was an error of another kind once, or an answer that was wrong."""
    TARGETS[name].feed(data)
