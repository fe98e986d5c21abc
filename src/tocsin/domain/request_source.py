"""What a request that is shown is: the one that was sent, or the one that would be."""

from enum import StrEnum


class RequestSource(StrEnum):
    """Where the request that is shown comes from. The values are public and never change."""

    SENT = "sent"
    NOT_SENT = "not_sent"
    NOT_KNOWN = "not_known"
    NOT_MADE = "not_made"
    FORGOTTEN = "forgotten"

    @property
    def sentence(self) -> str:
        """What that means, for a person."""
        return _SENTENCES[self]


_SENTENCES = {
    RequestSource.SENT: "As it was sent, but for the signatures.",
    RequestSource.NOT_SENT: "As it was to be sent, but for the signatures: no byte of it left.",
    RequestSource.NOT_KNOWN: (
        "What this attempt sent is not on record: it is under way, or Tocsin ended before it could be "
        "written down. This is how it would be sent now."
    ),
    RequestSource.NOT_MADE: "No request has been made of it. This is how it would be sent now.",
    RequestSource.FORGOTTEN: (
        "The webhook was deleted, and its URL forgotten with it: only the body is left."
    ),
}
