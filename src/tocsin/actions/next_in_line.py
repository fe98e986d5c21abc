"""Who goes when an attempt has ended: pages, and follow-ups of pages that have left."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tocsin.domain.delivery import Ending
from tocsin.domain.follow_up import Chance, decide_chance
from tocsin.store.database import Tx
from tocsin.store.deliveries import cancel_deliveries
from tocsin.store.delivery_line import (
    Behind,
    find_behind,
    find_in_line,
    let_wait,
    note_awaited,
    release_deliveries,
    somebody_waits,
    supersede,
)
from tocsin.store.follow_ups import find_pages


def let_next_go(tx: Tx, passed: Mapping[int, int]) -> dict[int, int]:
    """Let those go that waited for these deliveries, each with the instant of its attempt's end.

    A follow-up stays in line while another page is under way, and is cancelled if no page has left
    after all; then whoever waits for it is next. One that has failed, and for which something newer
    waits, is superseded by that. The attempts that ended must be on record.

    Returns since when each webhook has some to send. Units: microseconds since 1970.
    """
    due_at: dict[int, int] = {}
    if not somebody_waits(tx):
        return due_at
    while passed and (behind := find_behind(tx, passed)):
        now = max(passed.values())
        supersede(tx, sorted({each.waits_for for each in behind}), now=now)
        chances = dict(_chances(tx, behind))
        going = [each for each in behind if chances[each.id][0] is Chance.LEFT]
        release_deliveries(tx, (each.id for each in going))
        for each in going:
            due_at[each.webhook_id] = min(
                each.created_at, due_at.get(each.webhook_id, each.created_at)
            )
        let_wait(tx, [(id_, page) for id_, (_, page) in chances.items() if page is not None])
        in_vain = [id_ for id_, (chance, _) in chances.items() if chance is Chance.NONE]
        cancel_deliveries(tx, in_vain, reason=Ending.NO_PAGE_LEFT.value, now=now)
        passed = dict.fromkeys(in_vain, now)
    return due_at


def let_none_be_held(tx: Tx, again: Sequence[int]) -> None:
    """Let no breaker hold those of these deliveries, due again at once, for which others wait."""
    if again and somebody_waits(tx):
        note_awaited(tx, sorted({each.waits_for for each in find_behind(tx, sorted(again))}))


def _chances(tx: Tx, behind: Iterable[Behind]) -> Iterator[tuple[int, tuple[Chance, int | None]]]:
    """Yield what each has to wait for, by its id: a page goes in any case."""
    follow_ups = [each for each in behind if each.follow_up is not None]
    pages = {}
    if follow_ups:
        numbers = {each.incident for each in follow_ups}
        find_in_line(tx, numbers)  # so that they are locked
        pages = find_pages(tx, numbers, {each.webhook_id for each in follow_ups})
    for each in behind:
        if each.follow_up is None:
            yield each.id, (Chance.LEFT, None)
        else:
            yield each.id, decide_chance(pages.get((each.incident, each.webhook_id), ()))
