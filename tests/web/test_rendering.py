"""What all templates share: times in words, and nothing inline."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import tocsin.web
from tocsin.web.static_files import answer_static, static_files, static_url
from tocsin.web.times import (
    clock_text,
    countdown_text,
    exact_text,
    find_zone,
    relative_text,
)

NOW = datetime(2026, 3, 29, 0, 59, 59, 999_000, tzinfo=UTC)
WEB = Path(tocsin.web.__file__).parent
TEMPLATES = sorted((WEB / "templates").glob("*.html"))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "now"),
        (0.9, "now"),
        (-1, "1 s ago"),
        (-59.9, "59 s ago"),
        (-60, "1 min ago"),
        (90, "in 1 min"),
        (-3 * 3600, "3 h ago"),
        (86400 * 40, "in 40 d"),
    ],
)
def test_an_instant_is_told_by_its_distance(seconds: float, expected: str) -> None:
    """How long ago, or in how long, in one unit."""
    assert relative_text(NOW + timedelta(seconds=seconds), NOW) == expected


def test_the_exact_instant_is_told_in_the_users_time_zone() -> None:
    """Also an hour later, when the clocks there have changed."""
    berlin = find_zone("Europe/Berlin")

    assert exact_text(NOW, berlin) == "2026-03-29 01:59:59.999 CET"
    assert exact_text(NOW + timedelta(seconds=1), berlin) == "2026-03-29 03:00:00.999 CEST"


@pytest.mark.parametrize(
    "name", ["", "Nowhere/Atlantis", "../../etc/passwd", "\x00", "/etc/localtime", "a" * 5000]
)
def test_an_unknown_time_zone_is_read_as_utc(name: str) -> None:
    """A page is shown whatever somebody has set."""
    assert find_zone(name) is UTC


def test_no_template_has_a_script_or_a_style_of_its_own() -> None:
    """The browser would refuse it: everything is loaded from a file."""
    inline = re.compile(
        r"<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=|\shx-on|javascript:", re.IGNORECASE
    )
    pages = [
        path
        for path in TEMPLATES
        if path.name not in ("base.html", "link.html", "unavailable.html")
    ]

    assert pages
    assert not [path.name for path in pages if inline.search(path.read_text())]
    assert not [path.name for path in pages if "<style" in path.read_text()]


def test_every_table_says_what_it_lists() -> None:
    """Whoever hears a page goes from table to table; a caption is its name there, and nobody sees it."""
    tables = [
        (path.name, after)
        for path in TEMPLATES
        for _, *each in [re.split(r"<table[^>]*>", path.read_text())]
        for after in each
    ]
    assert len(tables) > 20
    unnamed = [name for name, after in tables if not re.match(r"\s*<caption[^>]*>[^<\s]", after)]
    assert unnamed == []


def test_no_template_takes_data_for_markup() -> None:
    """Nothing but the link pages' own style goes around the escaping."""
    assert [path.name for path in TEMPLATES if re.search(r"\|\s*safe\b", path.read_text())] == [
        "base.html"
    ]


def test_a_file_changes_its_address_with_its_content() -> None:
    """So browsers may keep it for ever."""
    answer = answer_static("app.css", accept_encoding="gzip")

    assert answer is not None
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert static_url("app.css") == f"/static/app.css?v={static_files()['app.css'].version}"
    assert len(static_files()["app.css"].version) == 12


@pytest.mark.parametrize("name", ["", "nothing.css", "../app.py", "vendor", "vendor/../app.css"])
def test_nothing_but_these_files_is_served(name: str) -> None:
    """A name is looked up, never a path."""
    assert answer_static(name, accept_encoding="") is None


NIGHT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({}, "now"),
        ({"milliseconds": 900}, "now"),
        ({"seconds": 55}, "in 55 s"),
        ({"minutes": 12}, "in 12 min 0 s"),
        ({"hours": 1, "minutes": 24, "seconds": 5}, "in 1 h 24 min"),
        ({"days": 2, "minutes": 7}, "in 2 d 0 h"),
    ],
)
def test_a_countdown_names_its_units(after: dict[str, float], words: str) -> None:
    """What reads like a clock's time would be taken for one."""
    assert countdown_text(NIGHT + timedelta(**after), NIGHT) == words


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2026, 11, 23, 2, 0, tzinfo=UTC), "03:00:00"),
        (datetime(2026, 11, 22, 23, 0, tzinfo=UTC), "00:00:00"),
        (datetime(2026, 11, 22, 22, 59, tzinfo=UTC), "23:59:00 on 22 Nov"),
        (datetime(2025, 12, 31, 23, 0, tzinfo=UTC), "00:00:00 on 1 Jan"),
        (datetime(2025, 12, 31, 22, 0, tzinfo=UTC), "23:00:00 on 31 Dec 2025"),
    ],
)
def test_a_clock_says_the_day_unless_it_is_today(at: datetime, words: str) -> None:
    """Today is the reader's."""
    assert clock_text(at, NIGHT, find_zone("Europe/Berlin")) == words
