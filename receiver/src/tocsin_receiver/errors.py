"""Why a request was not believed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from tocsin_receiver.mistakes import Finding


class VerificationError(Exception):
    """The request cannot be trusted. Answer 401, and log the message: it says what to look at.

    `code` names the reason and never changes.
    """

    code: ClassVar[str] = "verification_failed"


class MissingSignature(VerificationError):
    """The request carries no signature."""

    code = "missing_signature"


class BadSignature(VerificationError):
    """The signature belongs to another URL, other fields or another auth code.

    `findings` are the usual mistakes that it comes from, as far as they can be found out.
    """

    code = "bad_signature"

    def __init__(self, message: str, findings: Iterable[Finding] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class StaleTimestamp(VerificationError):
    """The signature is right, but too old or too far ahead: a replay, or a clock that is wrong."""

    code = "stale_timestamp"


class MalformedHeader(VerificationError):
    """A header is not of the form that its name promises."""

    code = "malformed_header"


class MalformedBody(VerificationError):
    """The body is not a form."""

    code = "malformed_body"


class MalformedField(VerificationError):
    """A field is not a name and a value that can be written as UTF-8."""

    code = "malformed_field"


class DuplicateField(VerificationError):
    """A name occurs twice, so that signer and reader could mean different values."""

    code = "duplicate_field"


class UnusableAuthCode(VerificationError):
    """The auth code given is not one: a mistake in the receiver's own configuration."""

    code = "unusable_auth_code"


class UnusableUrl(VerificationError):
    """The URL given is not one: a mistake in the receiver's own configuration."""

    code = "unusable_url"
