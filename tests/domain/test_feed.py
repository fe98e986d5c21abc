"""The feed: each entry has a place, and is in one group."""

import pytest
from tests.manual_clock import START

from tocsin.domain.feed import About, Group, InvalidPlace, Place, Wanted, group_of, parse_place
from tocsin.domain.timeline import ENGINE, Kind, TimelineEntry


@pytest.mark.parametrize("kind", Kind)
def test_every_entry_is_in_one_group(kind: Kind) -> None:
    """Also those that no timeline holds."""
    entry = TimelineEntry(1, 1, START, kind, ENGINE, {"outcome": None})
    assert group_of(entry) in Group


@pytest.mark.parametrize(
    ("kind", "actor", "outcome", "group"),
    [
        (Kind.ACKNOWLEDGED, "token:alice", None, Group.PEOPLE),
        (Kind.ACKNOWLEDGED, "webhook:pager", None, Group.PEOPLE),
        (Kind.ACKNOWLEDGED, "Alertmanager", None, Group.ALERTS),
        (Kind.RESOLVED, "alert:token:alice", None, Group.ALERTS),
        (Kind.OPENED, "user:alice", None, Group.PEOPLE),
        (Kind.ATTEMPTED, ENGINE, "delivered", Group.PAGES),
        (Kind.ATTEMPTED, ENGINE, "cancelled", Group.PAGES),
        (Kind.ATTEMPTED, ENGINE, "timed_out", Group.FAILURES),
        (Kind.NOBODY_LEFT, ENGINE, None, Group.FAILURES),
    ],
)
def test_who_did_it_and_what_came_of_it_decides(
    kind: Kind, actor: str, outcome: str | None, group: Group
) -> None:
    """An alert that says that it is from a person is no person."""
    entry = TimelineEntry(1, 1, START, kind, actor, {"outcome": outcome})
    assert group_of(entry) is group


def test_places_are_read_as_they_are_written() -> None:
    """And come in the order in which things were put on record."""
    place = Place(1207, 3)
    assert parse_place(str(place)) == place
    assert Place(1206, 9) < place < place.behind < Place(1208, 0)


@pytest.mark.parametrize(
    "text", ["", "7", "7-", "-1", "7-1-1", "7-1 ", "\u0667-1", "x", "9" * 19 + "-1"]
)
def test_what_is_no_place_is_refused(text: str) -> None:
    """Whoever mistyped a link is told to use one as it was given."""
    with pytest.raises(InvalidPlace, match="as it was given"):
        parse_place(text)


def test_what_is_about_no_incident_is_left_out_by_whoever_looks_for_incidents() -> None:
    """But not by who looks for a group alone."""
    about = About(7, "Disk/db-1", "db")
    assert Wanted().takes(Group.SYSTEM, None)
    assert Wanted().takes(Group.PAGES, about)
    assert Wanted(group=Group.SYSTEM).takes(Group.SYSTEM, None)
    assert not Wanted(group=Group.SYSTEM).takes(Group.PAGES, about)
    for wanted in (Wanted(incident=7), Wanted(routing_key="db"), Wanted(entity="disk/")):
        assert wanted.takes(Group.PAGES, about)
        assert not wanted.takes(Group.PAGES, None)
        assert not wanted.takes(Group.PAGES, About(8, "cpu", ""))
    assert Wanted(routing_key="").takes(Group.PAGES, About(8, "cpu", ""))
