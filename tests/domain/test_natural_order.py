"""The order of names: numbers in them count as numbers, however long they are."""

from tocsin.domain.natural_order import natural_key


def test_numbers_are_in_the_order_of_their_size() -> None:
    """Zeros in front count for nothing, but between names that are otherwise the same."""
    names = ["a", "a-0", "a-1", "a-02", "a-2", "a-10", "a-10-1", "a-10-b", "a-b", "b"]
    backwards = list(reversed(names))
    assert sorted(backwards, key=natural_key) == names


def test_a_number_may_have_any_number_of_digits() -> None:
    """An address may say anything for the name that a list goes on behind."""
    longer, shorter = "t" + "9" * 5000, "t" + "9" * 4999
    assert sorted([longer, shorter], key=natural_key) == [shorter, longer]
