"""The mutual watch of a server: it calls its peers while it is well, by the judgement of /readyz."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tocsin.engine.engine import Engine
from tocsin.service.readiness import reasons_not_ready
from tocsin.service.services import Health


@contextmanager
def watching(engine: Engine, measure: Callable[[], Health]) -> Iterator[None]:
    """Call peers for as long as the block lasts."""

    def why_not() -> Sequence[str]:
        health = measure()
        reasons = [each.message for each in reasons_not_ready(health)]
        if health.is_paused:  # it pages nobody, for whatever good reason
            reasons.append("this server is paused, so it pages nobody")
        return reasons

    engine.watch.begin(why_not)
    try:
        yield
    finally:
        engine.watch.end()
