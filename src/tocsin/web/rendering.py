"""Templates, and the words that all of them know."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tocsin.domain.actor import name_of_actor
from tocsin.domain.wording import counted, length_text, listed
from tocsin.ids import DELIVERY, id_text
from tocsin.web.echo import begin_page, cut_echo
from tocsin.web.static_files import static_url

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from tocsin.web.visit import Visit

_FOLDER: Final = Path(__file__).parent / "templates"
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


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
        "time": lambda at, words="": _time(at, now=now, zone=zone, words=words),
        "exact": lambda at: exact_text(at, zone),
        "countdown": lambda at: _countdown(at, now=now, zone=zone),
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


@cache
def find_zone(name: str) -> tzinfo:
    """Return the time zone of a name; UTC for one that this machine does not know."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def exact_text(at: datetime, zone: tzinfo) -> str:
    """Return an instant to the millisecond, in a time zone, with its name."""
    local = at.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03} {local.tzname()}"


def relative_text(at: datetime, now: datetime) -> str:
    """Return how long ago an instant was, or in how long it will be, in one unit."""
    seconds = (at - now) / timedelta(seconds=1)
    if abs(seconds) < 1:
        return "now"
    size, unit = next((size, unit) for size, unit in _UNITS if abs(seconds) >= size)
    length = f"{int(abs(seconds) // size)} {unit}"
    return f"in {length}" if seconds > 0 else f"{length} ago"


def _time(at: datetime | None, *, now: datetime, zone: tzinfo, words: str) -> "Markup":
    """`words`: what to show instead of how long ago it was, such as `exact`'s."""
    from markupsafe import Markup  # noqa: PLC0415 - see above

    if at is None:
        return Markup('<span class="none">never</span>')
    live = Markup("") if words else Markup(" data-relative")
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(
        at.astimezone(UTC).isoformat(),
        exact_text(at, zone),
        live,
        words or relative_text(at, now),
    )


def _countdown(at: datetime, *, now: datetime, zone: tzinfo) -> "Markup":
    from markupsafe import Markup  # noqa: PLC0415 - see above

    return Markup(
        '<time class="countdown" datetime="{}" title="{}" data-countdown>{}</time>'
    ).format(at.astimezone(UTC).isoformat(), exact_text(at, zone), relative_text(at, now))


def _csrf(token: str) -> "Markup":
    from markupsafe import Markup  # noqa: PLC0415 - see above

    return Markup('<input type="hidden" name="csrf" value="{}">').format(token)
