"""Finding what is wanted among many keys of the feed, before anything is looked up that tells of them."""

from collections.abc import Sequence

from tocsin.domain.feed import (
    GROUPS_OF_KEYS,
    About,
    Group,
    Place,
    Wanted,
    group_of,
    group_of_attempt,
)
from tocsin.domain.outcome import Outcome
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import find_outcomes
from tocsin.store.feed import Added
from tocsin.store.incident_reads import find_incidents_by_number
from tocsin.store.timeline import find_entries


def narrow(tx: Tx, added: Sequence[Added], wanted: Wanted) -> Sequence[Added]:
    """Return the keys whose entries are wanted, in their order; a statement or two for all of them."""
    if wanted.is_about_incidents:
        added = _about_incidents(tx, added, wanted)
    if wanted.group is not None:
        groups = _groups(tx, added)
        added = [each for each in added if groups.get(each.place) is wanted.group]
    return added


def _about_incidents(tx: Tx, added: Sequence[Added], wanted: Wanted) -> list[Added]:
    incidents = find_incidents_by_number(tx, {each.incident for each in added})
    takes = {
        number: wanted.takes_incident(About(number, each.entity_id, each.routing_key))
        for number, each in incidents.items()
    }
    return [each for each in added if takes.get(each.incident)]


def _groups(tx: Tx, added: Sequence[Added]) -> dict[Place, Group]:
    """Return the group of each entry, by its place, as far as it is still there."""
    groups = {
        each.place: GROUPS_OF_KEYS[each.kind] for each in added if each.kind in GROUPS_OF_KEYS
    }
    stored = {each.place: each.rest for each in added if each.kind == "timeline"}
    entries = find_entries(tx, set(stored.values()))
    groups |= {place: group_of(entries[key]) for place, key in stored.items() if key in entries}
    attempts = {each.place: each.rest[1:] for each in added if each.kind == "attempted"}
    outcomes = find_outcomes(tx, set(attempts.values()))
    return groups | {
        place: group_of_attempt(Outcome(outcomes[key]))
        for place, key in attempts.items()
        if key in outcomes
    }
