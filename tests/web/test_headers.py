"""From where a form may come, and what a browser may do with a page."""

import pytest

from tocsin.web.headers import HTTPS_ONLY, accepts_gzip, is_from_here, security_headers

HERE = "tocsin.example:8443"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": f"https://{HERE}"}, False),
        ({"origin": f"https://{HERE}"}, True),
        ({"origin": f"https://{HERE.upper()}"}, True),
        ({"origin": "https://tocsin.example"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": f"https://{HERE}.evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "https://[broken"}, False),
        ({}, True),
    ],
)
def test_a_form_is_taken_from_our_own_pages_alone(
    headers: dict[str, str], *, expected: bool
) -> None:
    """The browser says where a form came from: this very host, or it is refused."""
    assert is_from_here({"host": HERE, **headers}) is expected


def test_an_origin_without_a_host_is_nobodys() -> None:
    """An empty Origin does not pass because the Host is empty, too."""
    assert not is_from_here({"origin": "", "host": ""})


def test_only_who_came_by_https_is_told_to_stay_there() -> None:
    """A server in the clear must not lock its users out."""
    assert security_headers("https")["strict-transport-security"] == HTTPS_ONLY
    assert "strict-transport-security" not in security_headers("http")


def test_nothing_may_come_from_elsewhere_or_be_inline() -> None:
    """The policy allows what we serve, and no exception."""
    policy = security_headers("http")["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "*" not in policy


@pytest.mark.parametrize(
    ("accepts", "expected"),
    [
        ("gzip, br", True),
        ("br;q=1, gzip;q=0.5", True),
        ("br", False),
        ("", False),
        ("xgzip", False),
    ],
)
def test_packed_files_go_to_who_unpacks_them(accepts: str, *, expected: bool) -> None:
    """A file is sent packed if the browser says that it takes it so."""
    assert accepts_gzip(accepts) is expected
