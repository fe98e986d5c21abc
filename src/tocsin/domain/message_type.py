"""The five things an alert can say, and every spelling of them that is understood."""

from enum import StrEnum


class MessageType(StrEnum):
    """What an alert asks for. The value is the spelling on the wire."""

    CRITICAL = "CRITICAL"
    WARNING = "WARNING"
    INFO = "INFO"
    ACKNOWLEDGEMENT = "ACKNOWLEDGEMENT"
    RECOVERY = "RECOVERY"


# Source: Splunk On-Call docs, "Incident fields glossary": RECOVERY or OK resolves. Its other
# words (acked, down, problem) belong to the e-mail address, not to this endpoint.
_SPELLINGS = {str(known): known for known in MessageType} | {"OK": MessageType.RECOVERY}


def message_type_of(text: str) -> MessageType | None:
    """Return the type that `text` spells, in any case and padded with spaces; else None."""
    return _SPELLINGS.get(text) or _SPELLINGS.get(text.strip().upper())
