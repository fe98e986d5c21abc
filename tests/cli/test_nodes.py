"""`tocsin nodes`: who does the work, on one screen."""

from typing import Any

import pytest
from tests.cli.conftest import NOON, Cli

from tocsin.cli.nodes import _row, _skew
from tocsin.cli.paint import Cell

NODE: dict[str, Any] = {
    "node": "db1/2",
    "run": "7",
    "state": "lives",
    "roles": ["api", "escalate", "deliver"],
    "version": "1.0.0",
    "started_at": "2026-11-23T11:00:00.000000Z",
    "renewed_at": "2026-11-23T11:59:58.000000Z",
    "ended_at": None,
    "in_flight": 3,
    "waiting": 1,
    "cpu_percent": 41,
    "clock_skew_milliseconds": 2.4,
}


def shown(**more: object) -> list[str]:
    row = _row(NODE | more, NOON)
    return [each.text if isinstance(each, Cell) else each for each in row]


def test_a_server_alone_lists_itself(cli: Cli) -> None:
    """With what it is doing now; a program gets the same."""
    done = cli("nodes")
    assert done.code == 0
    heading, row = done.out.splitlines()
    assert heading.split()[:3] == ["NODE", "STATE", "ROLES"]
    assert row.split()[1:3] == ["lives", "all"]
    (node,) = cli("nodes", "--json").json["items"]
    assert (node["state"], node["clock_skew_milliseconds"]) == ("lives", None)


def test_a_living_node_shows_its_load() -> None:
    """When it was seen last, and what it has to do."""
    assert shown() == [
        *("db1/2", "lives", "all", "1.0.0", "1h ago", "2s ago"),
        *("3", "1", "41%", "+2ms"),
    ]
    assert shown(roles=["api", "deliver"])[2] == "api,deliver"


def test_a_node_that_is_gone_has_none() -> None:
    """It was seen last when it left, or when it was renewed last."""
    left = shown(state="left", ended_at="2026-11-23T11:30:00.000000Z")
    assert left[5:] == ["30m ago", "-", "-", "-", "-"]
    assert shown(state="silent", ended_at="2026-11-23T12:00:00.000000Z")[5] == "2s ago"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, "-"), (0.0, "+0ms"), (-999.4, "-999ms"), (1000.0, "+1.0s"), (-3600000.0, "-3600.0s")],
)
def test_a_clock_that_is_off(milliseconds: float | None, text: str) -> None:
    """In milliseconds, or in seconds when it is a second or more."""
    assert _skew(milliseconds) == text
