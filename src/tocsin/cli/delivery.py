"""A delivery as commands show it, and waiting for one."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from tocsin.cli.client import Client, Json, segment
from tocsin.cli.paint import Cell, Colour, word
from tocsin.cli.shell import Shell
from tocsin.cli.when import relative

PATH: Final = "/deliveries"
_LOOKS_EVERY: Final = timedelta(milliseconds=100)
_PHASES: Final = {
    "resolve": "resolve",
    "connect": "connect",
    "tls": "TLS",
    "first_byte": "first byte",
    "total": "total",
}
_LONGEST_WAIT: Final = timedelta(seconds=75)  # an attempt takes at most a minute
_PATIENCE: Final = timedelta(seconds=2)


def follow(client: Client, id_: str, shell: Shell) -> Json:
    """Return a delivery once it has ended, or after a while in which it did not.

    Whoever waits for long is told so.
    """
    gives_up_at, told = shell.now + _LONGEST_WAIT, False
    while True:
        delivery = client.get(f"{PATH}/{segment(id_)}")
        now = shell.clock.now()
        if delivery["ended_at"] or now > gives_up_at:
            return delivery
        if not told and now > shell.now + _PATIENCE:
            shell.complain(f"waiting for what becomes of {id_}; Ctrl-C ends the waiting only")
            told = True
        asyncio.run(shell.clock.sleep_until(now + _LOOKS_EVERY))


def summary(delivery: Json, now: datetime) -> Cell:
    """Return where a delivery is, in words."""
    state = word(delivery["state"])
    if delivery["state"] == "pending" and delivery["due_at"]:
        return Cell(f"pending, due {relative(delivery['due_at'], now)}", state.colour)
    if delivery["end_reason"] and delivery["end_reason"] != delivery["state"]:
        return Cell(f"{state.text}: {delivery['end_reason'].replace('_', ' ')}", state.colour)
    return state


def last_outcome(delivery: Json) -> str:
    """Return what became of the last attempt that ended, in few words."""
    ended = [attempt for attempt in delivery["attempts"] if attempt["outcome"]]
    return outcome(ended[-1]) if ended else "-"


def outcome(attempt: Json) -> str:
    """Return how an attempt ended, with the status if there was an answer."""
    if attempt["outcome"] is None:
        return "under way"
    status = f" {attempt['status']}" if attempt["status"] else ""
    return f"{attempt['outcome'].replace('_', ' ')}{status}"


def show_attempts(delivery: Json, shell: Shell) -> None:
    """Print each attempt with its outcome, how long it took, and what to make of it."""
    for attempt in delivery["attempts"]:
        is_good = attempt["outcome"] == "delivered"
        colour = Colour.GOOD if is_good else Colour.BAD if attempt["outcome"] else Colour.WAITING
        shell.say(
            f"attempt {attempt['number']}",
            relative(attempt["started_at"], shell.now),
            Cell(outcome(attempt), colour),
            _took(attempt),
        )
        reason = attempt.get("reason") or ""
        # The reason often is the explanation, with the facts of this attempt behind it.
        if attempt["explanation"] and not is_good and attempt["explanation"] not in reason:
            shell.say(attempt["explanation"], indent=4)
        if reason:
            shell.say(reason, indent=4)
        if attempt.get("answer_explanation"):
            shell.say(attempt["answer_explanation"], indent=4)
        if phases := _phases(attempt):
            shell.say(phases, indent=4)


def _phases(attempt: Json) -> str:
    """Return how long each part of an attempt took, and where it led; empty when it got nowhere."""
    known = attempt.get("milliseconds") or {}
    parts = [
        f"{name} {milliseconds(known[key])}" for key, name in _PHASES.items() if known.get(key)
    ]
    over = ", over a connection that was open" if attempt.get("reused") else ""
    to = f"; to {attempt['address']}" if attempt.get("address") else ""
    return f"phases: {', '.join(parts)}{to}{over}" if parts else ""


def milliseconds(length: float) -> str:
    """Return a length of time with three digits that count. Units: milliseconds."""
    digits = 0 if length >= 100 else 1 if length >= 10 else 2
    return f"{length:.{digits}f} ms"


def _took(attempt: Json) -> str:
    if not attempt["ended_at"]:
        return ""
    taken = datetime.fromisoformat(attempt["ended_at"]) - datetime.fromisoformat(
        attempt["started_at"]
    )
    return milliseconds(taken / timedelta(milliseconds=1))
