"""Every parser takes what nobody would send: Hypothesis for a moment, `make fuzz` for as long as you like."""

import pytest
from fuzz.everything import TARGETS
from fuzz.target import Target
from hypothesis import given, settings
from hypothesis import strategies as st


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Bytes that are half of what means something to the target, and half of anything."""
    words = st.sampled_from(target.words) if target.words else st.nothing()
    texts = st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass"))
    return st.lists(words | words | texts | st.binary(max_size=8), max_size=16).map(b"".join)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=80)
@given(data=st.data())
def test_nothing_gets_another_error_out_of_a_parser(name: str, data: st.DataObject) -> None:
    """It raises what it says it raises, and what it returns is within its bounds."""
    target = TARGETS[name]
    target.feed(data.draw(inputs(target))[: target.longest])
