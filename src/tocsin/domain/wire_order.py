"""In which order VictorOps sends a form's fields.

It is the order in which the immutable HashMap of Scala 2.8 to 2.12 gives its keys: a trie of the
keys' hashes, five bits to a level, the lowest bits first. Sorting by those groups of bits is the
same walk without the trie.

Source: Scala's `scala.collection.immutable.HashMap`, `improve` and `HashTrieMap`; Java's
`String.hashCode`. Seen in every captured request.
"""

from collections.abc import Iterable

_WORD = 0xFFFFFFFF
_LEVELS = range(0, 35, 5)
_SMALL_MAP = 4  # Map1 to Map4 are classes of their own and keep the order of insertion


def wire_order(names: Iterable[str]) -> list[str]:
    """Return the distinct `names` in the order of the wire.

    Up to four keep the order given. Of names with one hash (VictorOps' order of those is unknown)
    the lesser comes first, so that the result never depends on the order given.
    """
    distinct = list(dict.fromkeys(names))
    if len(distinct) <= _SMALL_MAP:
        return distinct
    return sorted(distinct, key=_place)


def _place(name: str) -> tuple[list[int], str]:
    spread = _improve(_java_hash(name))
    return [spread >> level & 31 for level in _LEVELS], name


def _java_hash(name: str) -> int:
    """Return Java's `String.hashCode`, as an unsigned 32-bit number."""
    units = memoryview(name.encode("utf-16-le", "surrogatepass"))
    code = 0
    for low, high in zip(units[::2], units[1::2], strict=True):
        code = (31 * code + (high << 8 | low)) & _WORD
    return code


def _improve(code: int) -> int:
    code = (code + ~(code << 9)) & _WORD
    code ^= code >> 14
    code = (code + (code << 4)) & _WORD
    return code ^ code >> 10
