"""Verify the escalation webhooks of Tocsin and of VictorOps (Splunk On-Call).

`read` takes a raw request and gives its fields; `verify` and `verify_standard` are its parts,
for who has the pieces already. All of them raise `VerificationError` and nothing else. `explain` and
`explain_standard` say what was signed and which usual mistake was made. `sign` and `sign_standard`
are the other side, for tests and for servers: Tocsin signs with these.
"""

from tocsin_receiver.errors import (
    BadSignature,
    DuplicateField,
    MalformedBody,
    MalformedField,
    MalformedHeader,
    MissingSignature,
    StaleTimestamp,
    UnusableAuthCode,
    UnusableUrl,
    VerificationError,
)
from tocsin_receiver.explaining import explain
from tocsin_receiver.explaining_standard import explain_standard
from tocsin_receiver.explanation import Explanation, Scheme, SignedPart
from tocsin_receiver.fields import Fields, decode_form, signed_text, signing_order
from tocsin_receiver.headers import Headers
from tocsin_receiver.mistakes import Finding, Mistake
from tocsin_receiver.receiving import read, verify
from tocsin_receiver.signing import AuthCode, sign, sign_text
from tocsin_receiver.standard import sign_standard, verify_standard

__all__ = [
    "AuthCode",
    "BadSignature",
    "DuplicateField",
    "Explanation",
    "Fields",
    "Finding",
    "Headers",
    "MalformedBody",
    "MalformedField",
    "MalformedHeader",
    "MissingSignature",
    "Mistake",
    "Scheme",
    "SignedPart",
    "StaleTimestamp",
    "UnusableAuthCode",
    "UnusableUrl",
    "VerificationError",
    "decode_form",
    "explain",
    "explain_standard",
    "read",
    "sign",
    "sign_standard",
    "sign_text",
    "signed_text",
    "signing_order",
    "verify",
    "verify_standard",
]
