"""How often somebody may try a password."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import sign_in_limit
from tocsin.domain.sign_in_limit import Buckets, SignInLimits, TooManySignIns, place_of

HOME = "192.0.2.7"


def tries(
    limits: SignInLimits, name: str, address: str, *, now: float, device: str | None = None
) -> int:
    """Return how many tries are let through."""
    for count in range(1000):
        try:
            limits.take(name, address, now=now, device=device)
        except TooManySignIns:
            return count
    return 1000


def test_a_name_is_tried_ten_times_and_then_twice_a_minute() -> None:
    """From one place; a refused try does not make it longer."""
    limits = SignInLimits()
    for _ in range(10):
        limits.take("alice", HOME, now=0.0)
    for _ in range(3):
        with pytest.raises(TooManySignIns, match="wait 30 seconds") as refused:
            limits.take("alice", HOME, now=0.0)
    assert refused.value.retry_after == 30
    assert tries(limits, "alice", HOME, now=29.9) == 0
    assert tries(limits, "alice", HOME, now=30.0) == 1
    assert tries(limits, "alice", HOME, now=90.0) == 2
    assert tries(limits, "alice", HOME, now=3600.0) == 10
    limits.take("bob", HOME, now=3600.0)


def test_whoever_hammers_a_name_holds_up_nobody_elsewhere() -> None:
    """The owner comes from another place, and has all tries."""
    limits = SignInLimits()
    assert tries(limits, "alice", "198.51.100.1", now=0.0) == 10
    assert tries(limits, "alice", HOME, now=0.0) == 10


def test_a_name_is_tried_a_hundred_times_from_wherever_and_then_ten_times_a_minute() -> None:
    """However many addresses somebody has."""
    limits = SignInLimits()
    assert sum(tries(limits, "alice", f"198.51.100.{n}", now=0.0) for n in range(200)) == 100
    with pytest.raises(TooManySignIns, match="wait 6 seconds"):
        limits.take("alice", HOME, now=0.0)
    assert sum(tries(limits, "alice", f"198.51.100.{n}", now=60.0) for n in range(200)) == 10


def test_a_known_device_has_tries_of_its_own() -> None:
    """Ten, and then two a minute, whatever strangers try, by that name or from that place; and it takes none of theirs."""
    limits = SignInLimits()
    for number in range(200):
        tries(limits, "alice", f"198.51.100.{number}", now=0.0)
    for name in "bcdefgh":
        tries(limits, name, HOME, now=0.0)
    assert tries(limits, "alice", HOME, now=0.0, device="phone") == 10
    limits.take("alice", HOME, now=0.0, device="laptop")
    limits.give_back("alice", HOME, now=0.0, device="phone")
    limits.take("alice", HOME, now=0.0, device="phone")
    assert tries(limits, "bob", "203.0.113.1", now=0.0) == 10


def test_an_address_tries_thirty_times_and_then_six_times_a_minute() -> None:
    """Whatever names it tries; another address is not held up."""
    limits = SignInLimits()
    for number in range(30):
        limits.take(f"user-{number}", HOME, now=0.0)
    with pytest.raises(TooManySignIns, match="wait 10 seconds"):
        limits.take("alice", HOME, now=0.0)
    limits.take("alice", "192.0.2.8", now=0.0)
    limits.take("alice", HOME, now=10.0)


def test_a_try_that_succeeds_does_not_count() -> None:
    """Whoever signs in all day is not held up; whoever failed nine times and then succeeds has one left."""
    limits = SignInLimits()
    for _ in range(100):
        limits.take("alice", HOME, now=0.0)
        limits.give_back("alice", HOME, now=0.0)
    assert tries(limits, "alice", HOME, now=0.0) == 10


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"),
        ("2001:db8:1:2::1", "2001:0db8:0001:0002"),
        ("-", "-"),
        ("x" * 100, "x" * 64),
    ],
)
def test_an_address_counts_as_a_place(address: str, place: str) -> None:
    """Whoever has a network of IPv6 cannot be somebody else each time."""
    assert place_of(address) == place


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.floats(min_value=0, max_value=100)), max_size=200
    ),
    st.integers(min_value=1, max_value=5),
)
def test_no_more_is_taken_than_there_was(steps: list[tuple[str, float]], size: int) -> None:
    """In any span of time: what the bucket holds, and what came to it meanwhile."""
    buckets, now = Buckets(size, every=10.0), 0.0
    taken: dict[str, list[float]] = {}
    for key, passed in steps:
        now += passed
        if not buckets.wait(key, now=now):
            buckets.take(key, now=now)
            taken.setdefault(key, []).append(now)
    for times in taken.values():
        for first, start in enumerate(times):
            for count, end in enumerate(times[first:], start=1):
                assert count <= size + (end - start) / 10.0 + 1e-6


def test_memory_is_bounded_and_those_who_try_most_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many names are tried: those that are full go first, then the fullest."""
    monkeypatch.setattr(sign_in_limit, "MOST_BUCKETS", 100)
    buckets = Buckets(10, every=30.0)
    for _ in range(10):
        buckets.take("alice", now=0.0)
    for number in range(1000):
        buckets.take(f"{number}", now=0.0)
        assert len(buckets) <= 100
    assert buckets.wait("alice", now=0.0) == 30.0
    buckets.take("late", now=1000.0)
    for number in range(100):
        buckets.take(f"{number}", now=1000.0)
    assert not buckets.wait("alice", now=1000.0)
