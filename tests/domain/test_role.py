"""Roles: how they are written, and what it means that nobody has one."""

from itertools import combinations

import pytest

from tocsin.domain.node import absences, count_roles
from tocsin.domain.role import ALL_ROLES, Role, UnknownRole, parse_roles, roles_text


def test_every_choice_is_read_as_it_is_written() -> None:
    """In the order in which work passes through them."""
    for count in range(1, 4):
        for roles in combinations(Role, count):
            assert parse_roles(roles_text(roles)) == frozenset(roles)
    assert roles_text(ALL_ROLES) == "api,escalate,deliver"
    assert parse_roles(" deliver , api") == {Role.API, Role.DELIVER}


@pytest.mark.parametrize("text", ["", "api,", "deliver escalate", "API", "all"])
def test_what_is_no_role_is_refused_with_those_there_are(text: str) -> None:
    """A node that did less than somebody meant would be found out when a page is missing."""
    with pytest.raises(UnknownRole, match="choose of api, escalate and deliver"):
        parse_roles(text)


def test_what_nobody_does_is_said() -> None:
    """One sentence for each role, and none while somebody has it; nor where nothing is known."""
    counts = count_roles([frozenset({Role.API}), ALL_ROLES - {Role.DELIVER}])
    assert counts == {Role.API: 2, Role.ESCALATE: 1, Role.DELIVER: 0}
    (missing,) = absences(counts)
    assert missing.endswith("tocsin serve --only deliver")
    assert len(absences(count_roles([]))) == 3
    assert absences({}) == []
