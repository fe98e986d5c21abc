"""What an alert did, for a person."""

from collections.abc import Iterable

from tocsin.domain.alert_fields import Repair, RepairKind
from tocsin.domain.incident import Effect
from tocsin.domain.message_type import MessageType
from tocsin.domain.routing import format_opening_types
from tocsin.domain.wording import routing_text


def type_text(message_type: MessageType, repairs: Iterable[Repair]) -> str:
    """Return the type that an alert was read as, and why, if that is not what it said."""
    kinds = {repair.kind for repair in repairs}
    if RepairKind.UNKNOWN_MESSAGE_TYPE in kinds:
        return f"{message_type} (its message_type is none that exists)"
    if RepairKind.MESSAGE_TYPE_UNWRAPPED in kinds:
        return f"{message_type} (its message_type came in a list or in quotes)"
    return message_type.value


def effect_text(  # noqa: PLR0911 - one arm for each effect
    effect: Effect,
    message_type: MessageType,
    *,
    incident: int | None,
    routing_key: str,
    opening_types: Iterable[MessageType],
) -> str:
    """Return what an alert did, as a clause; `opening_types` are those of its routing key now."""
    number = f"incident #{incident}"
    match effect:
        case Effect.OPENED:
            return f"it opened {number}"
        case Effect.ROLLED_UP:
            return f"it rolled up into {number}, which was open already"
        case Effect.REOPENED:
            return f"it reopened {number}, because everything before was less than CRITICAL"
        case Effect.ACKNOWLEDGED:
            return f"it acknowledged {number}"
        case Effect.ALREADY_ACKNOWLEDGED:
            return f"{number} was acknowledged already"
        case Effect.RESOLVED:
            return f"it resolved {number}"
        case Effect.NO_OPEN_INCIDENT:
            verb = "resolve" if message_type is MessageType.RECOVERY else "acknowledge"
            return f"there was no open incident to {verb}"
        case Effect.RECORDED if incident is not None:
            return f"it was recorded with {number} and changed nothing"
        case Effect.RECORDED | Effect.DOES_NOT_OPEN:
            opening = format_opening_types(opening_types)
            return f"under {routing_text(routing_key)} only {opening} opens an incident"
