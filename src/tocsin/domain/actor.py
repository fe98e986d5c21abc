"""Who or what did something, as the timeline and the record of changes name it.

A person is known by their name, or by the token that was shown; a receiver by the webhook that it answered for, or that
it was sent a link for. An alert says of itself what it likes, and is not believed to be one of these.
"""

from typing import Final

from tocsin.domain.timeline import ENGINE

SERVER: Final = "server"
"""The actor of what a start was told to do."""
OF_A_TOKEN: Final = "token:"
OF_A_USER: Final = "user:"
OF_A_WEBHOOK: Final = "webhook:"
OF_A_LINK: Final = "link:"
_ALERT: Final = "alert"
_OF_AN_ALERT: Final = f"{_ALERT}:"
_PREFIXES: Final = (OF_A_TOKEN, OF_A_USER, OF_A_WEBHOOK, OF_A_LINK, _OF_AN_ALERT)


def actor_of_alert(name: str) -> str:
    """Return how whom an alert says that it is from is named: as it says, unless it would pass for another."""
    if name in (ENGINE, SERVER) or name.startswith(_PREFIXES):
        return _OF_AN_ALERT + name
    return name or _ALERT


def name_of_actor(actor: str) -> str:
    """Return who or what an actor is, in a sentence."""
    if actor.startswith(OF_A_WEBHOOK):
        return f"webhook {actor.removeprefix(OF_A_WEBHOOK)}"
    if actor.startswith(OF_A_LINK):
        return f"the link sent to {actor.removeprefix(OF_A_LINK)}"
    return actor.removeprefix(OF_A_TOKEN).removeprefix(OF_A_USER) or "somebody"
