"""What the alert about a heartbeat says, and the facts that it carries."""

from datetime import datetime

from tocsin.domain.duration import format_duration
from tocsin.domain.heartbeat import Heartbeat, Verdict
from tocsin.domain.instant import format_instant
from tocsin.domain.wording import instant_text


def title_of(heartbeat: Heartbeat, verdict: Verdict) -> str:
    """Return the name of what is wrong, or was."""
    if verdict in (Verdict.JOB_FAILED, Verdict.FAILED_AGAIN):
        return f"{heartbeat.name} failed"
    if verdict is Verdict.FELL_SILENT:
        return f"{heartbeat.name} is silent"
    if verdict is Verdict.TAKEN_BACK:
        return f"{heartbeat.name} is not watched"
    return f"{heartbeat.name} is well"


def sentence_of(before: Heartbeat, after: Heartbeat, verdict: Verdict, now: datetime) -> str:
    """Return what happened. `before` is the heartbeat as it was until now."""
    match verdict:
        case Verdict.FELL_SILENT:
            return _silence(before)
        case Verdict.JOB_FAILED | Verdict.FAILED_AGAIN:
            said = f": {after.message}" if after.message else ""
            return f"It called at {instant_text(now)} and said that it failed{said}"
        case Verdict.RECOVERED:
            said = f": {after.message}" if after.message else ""
            return f"It called at {instant_text(now)} and is well{said}"
        case _:
            what = "removed" if before.deleted_at else "paused"
            return f"Nobody waits for its calls any more: the heartbeat was {what}"


def facts_of_alert(before: Heartbeat) -> dict[str, str]:
    """Return the fields of the alert that say since when, for receivers and for `tocsin why`."""
    called = before.last_call_at
    return {
        "heartbeat": before.slug,
        "last_call_at": format_instant(called) if called else "never",
        "silent_since": format_instant(before.counts_from),
        "every": format_duration(before.every),
        "grace": format_duration(before.grace),
    }


def _silence(heartbeat: Heartbeat) -> str:
    wanted = f"it is to call every {format_duration(heartbeat.every)}"
    if heartbeat.grace:
        wanted += f", and {format_duration(heartbeat.grace)} of grace are over"
    if heartbeat.last_call_at is None:
        return (
            f"It never called since it was made at {instant_text(heartbeat.created_at)}; {wanted}"
        )
    text = f"It did not call since {instant_text(heartbeat.last_call_at)}; {wanted}"
    if heartbeat.counts_from > heartbeat.last_call_at:
        text += f" (counted from {instant_text(heartbeat.counts_from)})"
    return text
