"""The usual mistakes by which a signature is wrong, each with a name, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Mistake(str, Enum):
    """What was done wrong, by sender or receiver. The values are public and never change."""

    SCHEME = "scheme"
    HOST = "host"
    PORT = "port"
    TRAILING_SLASH = "trailing_slash"
    PATH = "path"
    QUERY = "query"
    URL_WHITESPACE = "url_whitespace"
    URL_LEFT_OUT = "url_left_out"
    QUOTES_STRIPPED = "quotes_stripped"
    QUOTES_NOT_SIGNED = "quotes_not_signed"
    SORT_ORDER = "sort_order"
    NOT_DECODED = "not_decoded"
    DECODED_TWICE = "decoded_twice"
    PLUS_SIGNS = "plus_signs"
    CHARSET = "charset"
    JSON_BODY = "json_body"
    RAW_BODY = "raw_body"
    BODY_CHANGED = "body_changed"
    MISSING_FIELD = "missing_field"
    EXTRA_FIELD = "extra_field"
    FIELD_NAMES = "field_names"
    OTHER_AUTH_CODE = "other_auth_code"
    AUTH_CODE_WHITESPACE = "auth_code_whitespace"
    AUTH_CODE_QUOTED = "auth_code_quoted"
    AUTH_CODE_DECODED = "auth_code_decoded"
    AUTH_CODE_SPELLING = "auth_code_spelling"
    SIGNATURE_TRUNCATED = "signature_truncated"
    SIGNATURE_SPELLING = "signature_spelling"
    OTHER_DIGEST = "other_digest"
    OTHER_SCHEME = "other_scheme"
    STALE_TIMESTAMP = "stale_timestamp"


@dataclass(frozen=True)
class Finding:
    """One mistake: `what` was found, as a clause, and the `fix`. Neither holds a secret."""

    mistake: Mistake
    what: str
    fix: str


def sentence(findings: Iterable[Finding]) -> str:
    """Return what was found and how to mend it, in one line."""
    whats = dict.fromkeys(finding.what for finding in findings)
    fixes = dict.fromkeys(finding.fix for finding in findings)
    return f"{'; and '.join(whats)}: {'; and '.join(fixes)}"
