"""A request as a webhook gets it, and signatures made by hand."""

import base64
import hmac
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from tocsin_receiver import Explanation, sign

URL = "https://pager.nordhafen.example/hooks/escalation"
AUTH_CODE = "w~4bT8-uQz0LhXo5Yc2RsJ7dVn1MgKe9PiAf"
FIELDS = {
    "incident": "31",
    "summary": "",
    "message": "",
    "entity_id": '"db-4 + db-5"',
    "entity_state": '"CRITICAL"',
    "state_message": '"Plattenplatz knapp: 5 % frei für /var"',
    "timestamp": '"2026-11-02T03:00:00+01:00"',
    "vo_orig.message_type": '"critical"',
    "_host": '"db"',
    "Region": '"eu"',
}
FORM = urlencode(FIELDS).encode()
SIGNATURE = sign(URL, FIELDS, AUTH_CODE)

Fields = Mapping[str, str]


def signed(text: str | bytes, *, key: str | bytes = AUTH_CODE, digest: str = "sha1") -> str:
    """Return the signature of a text, made by hand."""
    raw = text if isinstance(text, bytes) else text.encode()
    secret = key if isinstance(key, bytes) else key.encode()
    return base64.b64encode(hmac.new(secret, raw, digest).digest()).decode()


def together(names: list[str], fields: Fields = FIELDS) -> str:
    return URL + "".join(name + fields[name] for name in names)


def with_values(change: Callable[[str], str]) -> dict[str, str]:
    return {name: change(value) for name, value in FIELDS.items()}


def mistakes(found: Explanation) -> list[str]:
    return [finding.mistake.value for finding in found.findings]
