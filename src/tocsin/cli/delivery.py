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
_LONGEST_WAIT: Final = timedelta(seconds=75)  # an attempt takes at most a minute


def follow(client: Client, id_: str, shell: Shell) -> Json:
    """Return a delivery once its first attempt has ended, or after a while in which none has."""
    gives_up_at = shell.now + _LONGEST_WAIT
    while True:
        delivery = client.get(f"{PATH}/{segment(id_)}")
        attempts = delivery["attempts"]
        now = shell.clock.now()
        if delivery["ended_at"] or (attempts and attempts[0]["ended_at"]) or now > gives_up_at:
            return delivery
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


def _took(attempt: Json) -> str:
    if not attempt["ended_at"]:
        return ""
    taken = datetime.fromisoformat(attempt["ended_at"]) - datetime.fromisoformat(
        attempt["started_at"]
    )
    return f"{taken / timedelta(milliseconds=1):.1f} ms"
