"""Which URLs are taken, what is sent for them, and that none is altered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.webhook_url import (
    MAX_CHARACTERS,
    InvalidWebhookUrl,
    UrlFault,
    UrlParts,
    check_webhook_url,
)

labels = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)
hosts = st.lists(labels, min_size=1, max_size=4).map(".".join) | st.ip_addresses(v=4).map(str)
ports = st.none() | st.integers(1, 65535)
rests = st.from_regex(r"([/?][!-\[\]-~]{0,30})?", fullmatch=True).filter(lambda r: "#" not in r)


@given(st.sampled_from(["http", "https", "HTTPS", "Http"]), hosts, ports, rests)
def test_parts_put_together_are_the_url(
    scheme: str, host: str, port: int | None, rest: str
) -> None:
    """Nothing of a URL is lost or changed on the way to the request, not even its case."""
    authority = host if port is None else f"{host}:{port}"
    parts = check_webhook_url(f"{scheme}://{authority}{rest}")
    assert parts.host_header == authority
    assert parts.target in (rest, "/" + rest)
    assert parts.target.startswith("/")
    assert parts.scheme == scheme.lower()
    assert parts.host == host
    assert parts.port == port or (port is None and parts.port in (80, 443))


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://h.example", UrlParts("https", "h.example", 443, "/", "h.example")),
        ("http://h.example/", UrlParts("http", "h.example", 80, "/", "h.example")),
        ("https://h.example//", UrlParts("https", "h.example", 443, "//", "h.example")),
        ("https://h.example:443/a", UrlParts("https", "h.example", 443, "/a", "h.example:443")),
        ("https://H.Example/A%2fb", UrlParts("https", "H.Example", 443, "/A%2fb", "H.Example")),
        ("https://h.example?", UrlParts("https", "h.example", 443, "/?", "h.example")),
        ("https://h.example?a=b", UrlParts("https", "h.example", 443, "/?a=b", "h.example")),
        ("https://h.example/?", UrlParts("https", "h.example", 443, "/?", "h.example")),
        ("https://h.example./", UrlParts("https", "h.example.", 443, "/", "h.example.")),
        ("http://192.0.2.9:8080/", UrlParts("http", "192.0.2.9", 8080, "/", "192.0.2.9:8080")),
        ("http://[2001:DB8::9]:81", UrlParts("http", "2001:DB8::9", 81, "/", "[2001:DB8::9]:81")),
        (
            "http://h.example/a@b:c?d//",
            UrlParts("http", "h.example", 80, "/a@b:c?d//", "h.example"),
        ),
    ],
)
def test_requests_say_what_the_url_says(url: str, parts: UrlParts) -> None:
    """The target is path and query as written, from `/`; Host has a port if the URL has one."""
    assert check_webhook_url(url) == parts


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://h.example/#top", UrlFault.FRAGMENT),
        ("https://h.example/#", UrlFault.FRAGMENT),
        ("https://h.example/a b", UrlFault.SPACE),
        (" https://h.example/", UrlFault.SPACE),
        ("https://h.example/ ", UrlFault.SPACE),
        ("https://h.example/\t", UrlFault.CONTROL),
        ("https://h.example\n", UrlFault.CONTROL),
        ("https://h.example/\x7f", UrlFault.CONTROL),
        ("https://h.example/\x00", UrlFault.CONTROL),
        ("https://höst.example/", UrlFault.NOT_ASCII),
        ("https://h.example/\u212a", UrlFault.NOT_ASCII),
        ("https://h.example/\ud800", UrlFault.NOT_ASCII),
        ("https://user@h.example/", UrlFault.USERINFO),
        ("https://user:word@h.example/", UrlFault.USERINFO),
        ("https://@h.example/", UrlFault.USERINFO),
        ("https://", UrlFault.NO_HOST),
        ("https:///path", UrlFault.NO_HOST),
        ("https://:8080/", UrlFault.NO_HOST),
        ("https://?q", UrlFault.NO_HOST),
        ("ftp://h.example/", UrlFault.SCHEME),
        ("h.example/path", UrlFault.SCHEME),
        ("https:/h.example", UrlFault.SCHEME),
        ("", UrlFault.SCHEME),
        ("https://h.example:0/", UrlFault.BAD_PORT),
        ("https://h.example:65536/", UrlFault.BAD_PORT),
        ("https://h.example:/", UrlFault.BAD_PORT),
        ("https://h.example:+80/", UrlFault.BAD_PORT),
        ("https://h.example:80:80/", UrlFault.BAD_PORT),
        ("https://h.example\\path", UrlFault.BACKSLASH),
        ("https://[::1", UrlFault.BAD_HOST),
        ("https://[::1]x/", UrlFault.BAD_HOST),
        ("https://[::g]/", UrlFault.BAD_HOST),
        ("https://[]/", UrlFault.BAD_HOST),
        ("https://[fe80::1%eth0]/", UrlFault.BAD_HOST),
        ("https://a..example/", UrlFault.BAD_HOST),
        ("https://.example/", UrlFault.BAD_HOST),
        ("https://h%65.example/", UrlFault.BAD_HOST),
        ("https://" + "a" * 64 + ".example/", UrlFault.BAD_HOST),
        ("https://" + "a." * 128 + "example/", UrlFault.BAD_HOST),
    ],
)
def test_what_cannot_be_sent_as_it_is_is_refused(url: str, fault: UrlFault) -> None:
    """Each refusal has its own reason and says how to mend it, without repeating the URL."""
    with pytest.raises(InvalidWebhookUrl) as refusal:
        check_webhook_url(url)
    assert refusal.value.fault is fault
    assert refusal.value.fields == {"reason": fault.value}
    assert len(url) < 20 or url not in refusal.value.message


def test_a_url_has_a_greatest_length() -> None:
    """2048 characters are sent; one more is refused."""
    longest = "https://h.example/".ljust(MAX_CHARACTERS, "x")
    assert len(check_webhook_url(longest).target) == MAX_CHARACTERS - len("https://h.example")
    with pytest.raises(InvalidWebhookUrl, match="2048 characters"):
        check_webhook_url(longest + "x")


@given(st.text() | st.text(st.sampled_from("htps:/[]@.%?1 a")).map("http://".__add__))
def test_any_text_is_taken_or_refused_and_nothing_else(text: str) -> None:
    """Whatever is typed, there are parts that make it up again, or a refusal."""
    try:
        parts = check_webhook_url(text)
    except InvalidWebhookUrl:
        return
    beginning = text[: len(parts.scheme) + 3] + parts.host_header
    assert text in (beginning + parts.target, beginning + parts.target[1:])
