"""Templates, and the words that all of them know."""

from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tocsin.domain.actor import name_of_actor
from tocsin.domain.wording import counted, length_text, listed
from tocsin.ids import DELIVERY, id_text
from tocsin.web.echo import begin_page, cut_echo
from tocsin.web.prose import local_prose, prose
from tocsin.web.static_files import static_url
from tocsin.web.times import clock_text, countdown_element, exact_text, find_zone, time_element

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from tocsin.web.visit import Visit

_FOLDER: Final = Path(__file__).parent / "templates"


def render(template: str, *, visit: "Visit", is_cut: bool = False, **words: Any) -> str:
    """Return a page, or a part of one. Raises: UndefinedError, for a word that the template lacks.

    `is_cut`: long texts in it are cut, because somebody has sent too much to be repeated.
    """
    if is_cut:
        begin_page()
    return (
        (_cutting_environment() if is_cut else _environment())
        .get_template(template)
        .render(
            visit=visit,
            is_cut=is_cut,
            user=visit.who.user if visit.who else None,
            principal=visit.who.principal if visit.who else None,
            now=visit.now,
            csrf=lambda: _csrf(visit.csrf),
            **_times(visit.now, zone_of(visit)),
            **words,
        )
    )


def render_part(template: str, *, now: datetime, zone: tzinfo, **words: Any) -> "Markup":
    """Return a part of a page that is alike for everybody who has this time zone."""
    from markupsafe import Markup  # noqa: PLC0415 - see below

    part = _environment().get_template(template).render(**_times(now, zone), **words)
    return Markup(part)  # noqa: S704 - the template has escaped what is data


def _times(now: datetime, zone: tzinfo) -> dict[str, Any]:
    return {
        "time": lambda at, words="": time_element(at, now=now, zone=zone, words=words),
        "exact": lambda at: exact_text(at, zone),
        "countdown": lambda at: countdown_element(at, now=now, zone=zone),
        "clock": lambda at: clock_text(at, now, zone),
        "prose": lambda text: prose(text, now=now, zone=zone),
        "local": lambda text: local_prose(text, now=now, zone=zone),
    }


@cache
def _environment() -> "Environment":
    # Imported here: a start that shows no page would be slower by it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        static=static_url, counted=counted, listed=listed, name_of=name_of_actor
    )
    environment.filters.update(lasting=length_text, delivery_id=lambda id_: id_text(DELIVERY, id_))
    return environment


@cache
def _cutting_environment() -> "Environment":
    return _environment().overlay(finalize=cut_echo)


def zone_of(visit: "Visit") -> tzinfo:
    """Return the time zone of who is signed in; UTC for everybody else."""
    return find_zone(visit.who.user.time_zone if visit.who else "")


def _csrf(token: str) -> "Markup":
    from markupsafe import Markup  # noqa: PLC0415 - see above

    return Markup('<input type="hidden" name="csrf" value="{}">').format(token)
