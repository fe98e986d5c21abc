"""Browsers in which somebody has signed in before. What they show for it keeps strangers' tries from counting for them.

It lets nobody in: only whoever has it tries passwords out of a bucket of its own. Nothing is kept of it but the key
that signs it. Source: OWASP, "Slow down online guessing attacks with device cookies".
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from tocsin.secret import Secret

KNOWN_FOR: Final = timedelta(days=365)
"""From the latest sign-in on."""
DEVICE_BYTES: Final = 16
_DEVICE: Final = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")


def make_device(name: str, random_bytes: bytes, *, key: bytes, now: datetime) -> Secret:
    """Return what a browser shows in which a user has signed in. Units: 16 bytes from a cryptographic source."""
    if len(random_bytes) != DEVICE_BYTES:
        raise ValueError(f"a device is made of {DEVICE_BYTES} random bytes")
    until = int((now + KNOWN_FOR).timestamp())
    device = f"{until}.{_text(random_bytes)}"
    return Secret(f"{device}.{_signature(key, name, device)}")


def find_device(shown: str, name: str, *, keys: Iterable[bytes], now: datetime) -> str | None:
    """Return which device of a user this is; None: nobody knows it, or not as this user's, or not any more."""
    found = _DEVICE.fullmatch(shown)
    if found is None or int(found[1]) <= now.timestamp():
        return None
    device = f"{found[1]}.{found[2]}"
    is_ours = any(hmac.compare_digest(_signature(key, name, device), found[3]) for key in keys)
    return device if is_ours else None


def _signature(key: bytes, name: str, device: str) -> str:
    signed = f"{name}\n{device}".encode(errors="surrogatepass")
    return _text(hmac.digest(key, signed, hashlib.sha256))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
