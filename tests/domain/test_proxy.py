"""The proxy that webhooks leave through: how it is written, and what it is shown."""

import pytest

from tocsin.domain.proxy import InvalidProxy, Proxy, authority
from tocsin.secret import Secret


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("http://proxy.example:3128", "proxy.example", 3128),
        ("http://proxy.example:80/", "proxy.example", 80),
        ("HTTP://10.0.0.7:8080", "10.0.0.7", 8080),
        ("http://[fd00::7]:3128", "fd00::7", 3128),
    ],
)
def test_a_proxy_is_read(text: str, host: str, port: int) -> None:
    """Host and port are all that is needed."""
    assert Proxy.parse(text) == Proxy(host, port)


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ("ana:hush", "Basic YW5hOmh1c2g="),
        ("ana", "Basic YW5hOg=="),
        ("an%40a:p%3Aw%40", "Basic YW5AYTpwOndA"),
        ("ana:p@w", "Basic YW5hOnBAdw=="),
    ],
)
def test_user_and_password_become_a_header(user: str, header: str) -> None:
    """What is percent-encoded is decoded; an @ too many belongs to the password."""
    proxy = Proxy.parse(f"http://{user}@proxy.example:3128")
    assert proxy == Proxy("proxy.example", 3128, Secret(header))
    assert str(proxy) == "proxy.example:3128"


@pytest.mark.parametrize(
    "text",
    [
        "proxy.example:3128",
        "proxy.example",
        "http://proxy.example",
        "http://proxy.example/",
        "https://proxy.example:3128",
        "socks5://proxy.example:1080",
        "http://proxy.example:3128/path",
        "http://proxy.example:3128?",
        "http://:3128",
        "http://proxy.example:0",
        "http://ana:hush@",
        "http://ana:hush\u00e9@proxy.example:3128",
        "http://ana:hush\udcff@proxy.example:3128",
        "http://ana:hush\n@proxy.example:3128",
        "",
    ],
)
def test_what_is_no_proxy_is_refused(text: str) -> None:
    """Nothing is guessed, and what may hold a password is not repeated."""
    with pytest.raises(InvalidProxy, match="write http://HOST:PORT") as refusal:
        Proxy.parse(text)
    assert "hush" not in str(refusal.value)


def test_an_address_with_colons_is_bracketed() -> None:
    """CONNECT names an IPv6 address as a URL does."""
    assert authority("::1", 443) == "[::1]:443"
    assert authority("receiver.test", 443) == "receiver.test:443"
