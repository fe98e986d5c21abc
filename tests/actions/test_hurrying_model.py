"""When the second step fires, whatever becomes of the first: against a model that knows only instants."""

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.actions.desk import Desk
from tests.actions.test_step_that_reaches_nobody import FINAL, KEYS, OK, REFUSED, leased

from tocsin.actions.incidents import acknowledge
from tocsin.domain.outcome import Outcome

PATIENCE, PLAN = 60, 600
# From a few instants, so that several things fall on the same one.
INSTANTS = (1, 2, 59, 60, 61, 100, 599, 600, 601)
ENDS = st.tuples(st.sampled_from(INSTANTS), st.sampled_from([OK, FINAL, REFUSED]))
End = tuple[int, Outcome]


def expected(ends: Sequence[End], acknowledged_at: int | None) -> int | None:
    """Return when the second step fires. At the same instant, attempts end first, people act, steps fire."""
    taken_at = min((at for at, outcome in ends if outcome is OK), default=PLAN)
    instants = [PLAN]
    if taken_at > PATIENCE:
        instants.append(PATIENCE)
    if all(outcome is FINAL for _, outcome in ends):
        instants.append(max(at for at, _ in ends))
    fires_at = min(instants)
    if acknowledged_at is not None and acknowledged_at <= fires_at:
        return None
    return fires_at


@given(first=ENDS, second=ENDS, acknowledged_at=st.none() | st.sampled_from(INSTANTS))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_second_step_fires_when_the_model_says(
    desk: Desk, first: End, second: End, acknowledged_at: int | None
) -> None:
    """As early as nobody can be reached any more, or was not in time; never late, and once."""
    desk.begin_anew()
    desk.configure({"main": [("0s", ["a", "b"], "60s"), ("10m", ["c"])]}, keys=KEYS)
    start = desk.now
    number = desk.opened()
    sent = leased(desk, desk.fire().leases)
    fired_at = []
    for seconds in INSTANTS:
        desk.wait(seconds=seconds - (desk.now - start).total_seconds())
        for name, (at, outcome) in (("a", first), ("b", second)):
            if at == seconds:
                desk.record(sent[name], outcome)
        if seconds == acknowledged_at:
            desk.change(acknowledge, number, actor="alice")
        if "c" in leased(desk, desk.fire().leases):
            fired_at.append(seconds)
    due = expected([first, second], acknowledged_at)
    assert fired_at == ([] if due is None else [due])
