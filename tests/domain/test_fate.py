"""The fate of an alert: whether somebody could be paged for it."""

import pytest

from tocsin.domain.fate import PAGED_NOBODY, Fate, fate_of, fate_text
from tocsin.domain.incident import Effect


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("is_unknown_type", [False, True])
@pytest.mark.parametrize("has_no_policy", [False, True])
def test_every_alert_has_one(effect: Effect, *, is_unknown_type: bool, has_no_policy: bool) -> None:
    """One that opens or reopens pages, unless no policy could start; of the others, some joined what pages."""
    fate = fate_of(effect, is_unknown_type=is_unknown_type, has_no_policy=has_no_policy)
    if effect in (Effect.OPENED, Effect.REOPENED):
        assert fate is (Fate.STARTED_NO_POLICY if has_no_policy else Fate.PAGED)
    elif effect is Effect.ROLLED_UP and has_no_policy:
        assert fate is Fate.JOINED_NO_POLICY
    elif is_unknown_type:
        assert fate is Fate.UNKNOWN_TYPE
    elif effect in (Effect.DOES_NOT_OPEN, Effect.NO_OPEN_INCIDENT, Effect.RECORDED):
        assert fate.value == effect.value
    else:
        assert fate is Fate.JOINED


def test_those_that_paged_nobody_are_all_but_two() -> None:
    """And each says of itself, after a number, what it came to."""
    assert set(PAGED_NOBODY) == set(Fate) - {Fate.PAGED, Fate.JOINED}
    assert len({fate_text(fate) for fate in Fate}) == len(Fate)
