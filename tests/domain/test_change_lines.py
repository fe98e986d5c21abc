"""What a change changed, line by line."""

from tocsin.domain.change_lines import LONGEST_LINE, MOST_LINES, ChangeLine, field_changes


def told(before: object, after: object) -> list[str]:
    (change,) = field_changes({"steps": before, "same": 1}, {"steps": after, "same": 1})
    assert change.name == "steps"
    return [f"{line.sign}{line.text}" for line in change.lines]


def test_a_word_is_told_before_and_after() -> None:
    """Texts as they are, and nothing as people call it."""
    assert told("viewer", "responder") == ["-viewer", "+responder"]
    assert told(None, 7) == ["-nothing", "+7"]
    assert told([], {}) == []
    assert told([], {"on": True}) == ["-nothing", "+on: yes"]
    assert told({"on": True}, {"on": False}) == ["-on: yes", "+on: no"]


def test_a_list_that_grows_tells_what_is_new() -> None:
    """No comma is a change."""
    before = [{"after": "0s", "webhooks": ["pager"]}]
    after = [{"after": "0s", "webhooks": ["pager", "phone"]}]
    assert told(before, after) == ["     - pager", "+    - phone"]
    assert told([], before) == ["-nothing", "+- after: 0s", "+  webhooks:", "+    - pager"]
    assert told(["a"], ["a", ""]) == [" - a", "+- "]


def test_of_a_long_value_only_what_differs_is_told() -> None:
    """With the lines around it."""
    before = [{"after": f"{number}m"} for number in range(30)]
    after = [*before[:20], {"after": "1h"}, *before[21:]]
    assert told(before, after) == [
        " - after: 19m",
        "-- after: 20m",
        "+- after: 1h",
        " - after: 21m",
    ]


def test_what_was_not_there_is_not_told_as_nothing() -> None:
    """A field that came, and one that went."""
    assert field_changes({}, {"role": "viewer"})[0].lines == (ChangeLine("+", "viewer"),)
    assert field_changes({"role": "viewer"}, {})[0].lines == (ChangeLine("-", "viewer"),)
    assert field_changes({"a": ""}, {"a": "x"})[0].lines == (
        ChangeLine("-", ""),
        ChangeLine("+", "x"),
    )


def test_what_is_too_long_is_cut_and_says_so() -> None:
    """Long lines, and many."""
    assert told("", "w" * 1000)[1] == f"+{'w' * LONGEST_LINE}..."
    lines = told("", "\n".join(f"line {number}" for number in range(MOST_LINES + 7)))
    assert lines[-1] == "+... and 7 more lines"
