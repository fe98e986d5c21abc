"""The order of a form's fields, against a Scala map rebuilt as the trie that it is."""

import json
import random
from ctypes import c_int32
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.domain.wire_order import wire_order

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))

# Half characters too: a name is any text here.
names = st.text(st.characters(categories=["L", "N", "P", "S", "Z", "Cc", "Cs"]), max_size=12)
plain_names = st.text("abcdefghijklmnopqrstuvwxyz_-.0123456789", min_size=1, max_size=24)
one_hash = st.lists(st.sampled_from(["Aa", "BB"]), max_size=4).map("".join)  # these have one hash


class Trie:
    """A `HashTrieMap`: leaves that move down a level as soon as two share a place.

    Written from Scala's description and not from the product: signed arithmetic, a sum of powers
    for the hash, real nodes. Names of one hash stay together in a leaf.
    """

    def __init__(self) -> None:
        self.root: dict[int, Any] = {}

    def add(self, name: str) -> None:
        code, node, level = spread(name), self.root, 0
        while True:
            place = (code >> level) % 32
            found = node.get(place)
            if isinstance(found, dict):
                node, level = found, level + 5
            elif found is None or found[0] == code:
                node[place] = (code, sorted([*(found[1] if found else []), name]))
                return
            else:
                node[place] = {(found[0] >> level + 5) % 32: found}

    def names(self) -> list[str]:
        return [name for leaf in leaves(self.root) for name in leaf]


def leaves(node: Any) -> list[list[str]]:
    if isinstance(node, tuple):
        return [node[1]]
    return [leaf for place in sorted(node) for leaf in leaves(node[place])]


def spread(name: str) -> int:
    """Return Scala's `improve` of Java's hash, both as signed ints until the end."""
    data = name.encode("utf-16-be", "surrogatepass")
    units = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
    powers = range(len(units) - 1, -1, -1)
    h = c_int32(sum(unit * 31**power for unit, power in zip(units, powers, strict=True))).value
    h = c_int32(h + ~c_int32(h << 9).value).value
    h ^= (h & 0xFFFFFFFF) >> 14
    h = c_int32(h + c_int32(h << 4).value).value
    return (h ^ (h & 0xFFFFFFFF) >> 10) & 0xFFFFFFFF


def trie_order(names: list[str]) -> list[str]:
    trie = Trie()
    for name in names:
        trie.add(name)
    return trie.names()


@given(st.lists(st.one_of(names, plain_names, one_hash), min_size=5, unique=True))
@example(["a", "b", "c", "f14451", "f2123"])  # apart in the sixth group of bits only
@example(["a", "b", "c", "f77147", "f93460"])  # and in the seventh
def test_order_is_that_of_a_scala_map(given_names: list[str]) -> None:
    """Five names and more come in the order in which a Scala map gives them."""
    assert wire_order(given_names) == trie_order(given_names)


@given(st.lists(st.one_of(names, plain_names, one_hash), min_size=5, unique=True), st.randoms())
def test_order_does_not_depend_on_the_order_given(
    given_names: list[str], dice: random.Random
) -> None:
    """Whichever way names arrive, they leave the same way, and each of them does."""
    shuffled = dice.sample(given_names, len(given_names))
    assert wire_order(shuffled) == wire_order(given_names)
    assert sorted(wire_order(given_names)) == sorted(given_names)


@given(st.lists(names, max_size=4, unique=True))
@example(["summary", "message", "incident"])
def test_up_to_four_names_keep_their_order(few: list[str]) -> None:
    """Scala's small maps have no hashes: what goes in first comes out first."""
    assert wire_order(few) == few


def test_a_name_given_twice_comes_once() -> None:
    """A map has each key once, so a repeated name neither stays nor makes a small map large."""
    assert wire_order(["e", "d", "e", "c", "d"]) == ["e", "d", "c"]


def test_names_of_one_hash_come_in_their_own_order() -> None:
    """`Aa` and `BB` have one Java hash; then the lesser is first, from either side."""
    rest = ["one", "two", "three"]
    ordered = wire_order([*rest, "BB", "Aa"])
    assert ordered.index("BB") == ordered.index("Aa") + 1
    assert ordered == wire_order(["Aa", "BB", *rest])


@pytest.mark.parametrize("vector", VECTORS["bodies"], ids=lambda vector: vector["name"])
def test_vectors_are_in_the_order_of_a_scala_map(vector: dict[str, Any]) -> None:
    """The recorded bodies agree with both: the trie of this test and the product."""
    written = [name for name, _ in vector["pairs"]]
    assert wire_order(sorted(written) if len(written) > 4 else written) == written
    if len(written) > 4:
        assert trie_order(sorted(written)) == written
