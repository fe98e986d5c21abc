"""Writing what is configured of heartbeats, while their jobs go on calling."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tocsin.actions.editor import Editor
from tocsin.domain.configuration_file.description import DescribedHeartbeat, ObjectKind
from tocsin.domain.configuration_file.merging import Difference
from tocsin.domain.heartbeat import Condition, Heartbeat, began
from tocsin.store.database import Tx
from tocsin.store.heartbeats import (
    delete_heartbeat,
    insert_heartbeat,
    lock_heartbeats,
    update_heartbeat,
)


class HeartbeatWriting:
    """The heartbeats that differences are about, locked together, so that no call comes in between."""

    def __init__(self, tx: Tx, differences: Sequence[Difference], editor: Editor) -> None:
        self._tx = tx
        self._editor = editor
        slugs = [each.key for each in differences if each.kind is ObjectKind.HEARTBEAT]
        self._known = {each.slug: each for each in lock_heartbeats(tx, slugs)} if slugs else {}

    def delete(self, slug: str) -> None:
        """Take it out of sight; the engine takes back what was told of it."""
        delete_heartbeat(self._tx, self._known.pop(slug), now=self._editor.now)

    def write(self, described: DescribedHeartbeat) -> None:
        """Make it what is described. What changes its time lets its interval begin again."""
        now, known = self._editor.now, self._known.get(described.slug)
        if known is None:
            made = Heartbeat(
                id=self._editor.new_id(),
                slug=described.slug,
                name=described.name,
                every=described.every,
                grace=described.grace,
                routing_key=described.routing_key,
                created_at=now,
                counts_from=now,
                paused_at=now if described.paused else None,
            )
            insert_heartbeat(self._tx, began(made, now))
            return
        update_heartbeat(self._tx, _changed(known, described, now))


def _changed(known: Heartbeat, described: DescribedHeartbeat, now: datetime) -> Heartbeat:
    is_paused = described.paused is True
    changed = replace(
        known,
        name=described.name,
        every=described.every,
        grace=described.grace,
        routing_key=described.routing_key,
        paused_at=(known.paused_at or now) if is_paused else None,
    )
    if is_paused and known.paused_at is None:
        # What was told of it is taken back by the engine, at once.
        return replace(changed, due_at=None if known.condition is Condition.WELL else now)
    is_resumed = known.paused_at is not None and not is_paused
    has_other_times = (known.every, known.grace) != (changed.every, changed.grace)
    return began(changed, now) if is_resumed or (has_other_times and not is_paused) else changed
