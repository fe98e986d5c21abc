"""Ids: they only grow, and their text says what they are of."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.ids import (
    DELIVERY,
    WEBHOOK,
    IdSource,
    MalformedId,
    first_id_at,
    id_text,
    made_at,
    parse_id,
)

T0 = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)


@given(
    takes=st.lists(st.tuples(st.integers(1, 9000), st.integers(-5000, 5000)), max_size=20),
    node=st.integers(0, 5000),
)
def test_ids_of_one_source_only_grow(takes: list[tuple[int, int]], node: int) -> None:
    """However many are taken at once, and whatever the clock does, the next id is larger."""
    source = IdSource(node=node)
    taken: list[int] = []
    for count, milliseconds in takes:
        taken += source.take(count, T0 + timedelta(milliseconds=milliseconds))
    assert taken == sorted(set(taken))
    assert len(taken) == sum(count for count, _ in takes)
    assert all(0 < each < 1 << 63 for each in taken)


@given(
    newest=st.integers(0, (1 << 62) - 1),
    node=st.integers(0, 1023),
    milliseconds=st.integers(-(10**9), 10**9),
)
def test_a_source_goes_on_after_another(newest: int, node: int, milliseconds: int) -> None:
    """Whatever node made the newest id, and wherever the clock is now."""
    now = T0 + timedelta(milliseconds=milliseconds)
    assert IdSource(node=node, after=newest).take(1, now)[0] > newest


@given(milliseconds=st.integers(0, 10**12), node=st.integers(0, 1023))
def test_an_id_tells_when_it_was_made(milliseconds: int, node: int) -> None:
    """To the millisecond; what was made then is no older than what is searched for from then on."""
    at = T0 + timedelta(milliseconds=milliseconds)
    (id_,) = IdSource(node=node).take(1, at)
    assert made_at(id_) == made_at(first_id_at(at)) == at


def test_nodes_never_make_the_same_id() -> None:
    """At the same instant, two nodes' ids differ."""
    one, other = (set(IdSource(node=node).take(5000, T0)) for node in (1, 2))
    assert not one & other


def test_a_later_source_makes_larger_ids() -> None:
    """An installation that is set up anew gives no old id out again."""
    (before,) = IdSource(node=7).take(1, T0)
    (after,) = IdSource(node=7).take(1, T0 + timedelta(milliseconds=1))
    assert after > before


@given(st.integers(0, (1 << 63) - 1))
def test_an_ids_text_is_read_back(number: int) -> None:
    """Also in capitals and with spaces around it, as people paste it."""
    text = id_text(DELIVERY, number)
    assert parse_id(DELIVERY, text) == number
    assert parse_id(DELIVERY, f" {text.upper()} ") == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dlv_",
        "dlv_1",
        "dlv_8000000000000000",
        "whk_0000000000000001",
        "dlv_000000000000000g",
        "dlv_+000000000000001",
    ],
)
def test_other_texts_are_no_ids(text: str) -> None:
    """The refusal shows what one looks like."""
    with pytest.raises(MalformedId, match="dlv_0000000000000000"):
        parse_id(DELIVERY, text)


def test_an_id_of_another_kind_is_refused() -> None:
    """A webhook's id is no delivery's."""
    with pytest.raises(MalformedId):
        parse_id(WEBHOOK, id_text(DELIVERY, 5))


@pytest.mark.parametrize("late", [timedelta(0), timedelta(microseconds=1), timedelta(days=9)])
def test_no_id_is_below_the_first_one_of_an_instant(late: timedelta) -> None:
    """Made then or later, by whatever node; an instant too far away for ids is after all of them."""
    for node in (0, 1023):
        (id_,) = IdSource(node=node).take(1, T0 + late)
        assert first_id_at(T0) <= id_
    (before,) = IdSource(node=1023).take(1, T0 - timedelta(milliseconds=1))
    assert before < first_id_at(T0)
    assert first_id_at(datetime(1, 1, 1, tzinfo=UTC)) == 0
    assert first_id_at(datetime(9999, 1, 1, tzinfo=UTC)) == (1 << 63) - 1
