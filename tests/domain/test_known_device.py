"""What a browser shows in which somebody has signed in before."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.domain.known_device import DEVICE_BYTES, KNOWN_FOR, find_device, make_device

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
OLD, NEW = b"o" * 32, b"n" * 32


def shown(name: str = "alice", *, random_bytes: bytes = b"r" * DEVICE_BYTES) -> str:
    return make_device(name, random_bytes, key=OLD, now=NOW).reveal()


def test_a_device_is_known_for_a_year_as_its_users() -> None:
    """Also after the master key was changed; each is another one."""
    device = find_device(shown(), "alice", keys=[NEW, OLD], now=NOW)
    assert device
    assert find_device(shown(), "alice", keys=[OLD], now=NOW + KNOWN_FOR - timedelta(seconds=1))
    assert device != find_device(
        shown(random_bytes=b"s" * DEVICE_BYTES), "alice", keys=[OLD], now=NOW
    )


@pytest.mark.parametrize(
    ("text", "name", "keys", "now"),
    [
        (shown(), "bob", [OLD], NOW),
        (shown(), "alice", [NEW], NOW),
        (shown(), "alice", [], NOW),
        (shown(), "alice", [OLD], NOW + KNOWN_FOR),
        (shown("alice\n1"), "alice", [OLD], NOW),
        (shown().replace("cn", "cm"), "alice", [OLD], NOW),
        (f"9{shown()}", "alice", [OLD], NOW),
        (shown() + "x", "alice", [OLD], NOW),
        ("", "alice", [OLD], NOW),
        (shown(), "\udc80", [OLD], NOW),
    ],
)
def test_nothing_else_is_known(text: str, name: str, keys: list[bytes], now: datetime) -> None:
    """Somebody else's, another server's, one of long ago, or what was made up."""
    assert find_device(text, name, keys=keys, now=now) is None


def test_it_is_made_of_enough_chance() -> None:
    """16 bytes, no fewer."""
    with pytest.raises(ValueError, match="16 random bytes"):
        shown(random_bytes=b"x")
