"""Why there is no TLS with a receiver, from what was seen, and what to do about it."""

from enum import StrEnum
from typing import NamedTuple


class Flaw(StrEnum):
    """What is wrong. The value is public and never changes."""

    EXPIRED = "certificate_expired"
    NOT_YET_VALID = "certificate_not_yet_valid"
    SELF_SIGNED = "certificate_self_signed"
    UNKNOWN_ISSUER = "issuer_unknown"
    MISSING_INTERMEDIATE = "intermediate_missing"
    WRONG_NAME = "wrong_name"
    WEAK_KEY = "weak_key"
    WEAK_SIGNATURE = "weak_signature"
    NOT_FOR_SERVERS = "certificate_not_for_servers"
    UNVERIFIABLE = "certificate_unverifiable"
    OLD_PROTOCOL = "old_protocol"
    NO_COMMON_CIPHER = "no_common_cipher"
    NOT_TLS = "not_tls"
    UNKNOWN_HOST = "host_unknown_to_receiver"
    CLIENT_CERTIFICATE_REQUIRED = "client_certificate_required"
    CLIENT_CERTIFICATE_REFUSED = "client_certificate_refused"
    HANDSHAKE_REFUSED = "handshake_refused"
    HANDSHAKE_ENDED = "handshake_ended"


class Refusal(NamedTuple):
    """One reason, in a sentence, and what to do in another."""

    flaw: Flaw
    sentence: str
    advice: str

    @property
    def text(self) -> str:
        return f"{self.sentence} {self.advice}"
