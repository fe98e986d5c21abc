"""What a page shows only once: a key, a code or a link that a form has just made.

The form is answered by a redirect, so that reloading the page repeats nothing; and no address leads to a secret. So
it goes by the browser, sealed, in a cookie for one page, one session and one minute, which that page takes away.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from tocsin.secret import Secret
from tocsin.stored_json import from_json, to_json
from tocsin.vault import MasterKeyWrong, SealBroken, Vault

ONCE_COOKIE: Final = "__Host-tocsin-once"
LASTS: Final = timedelta(minutes=1)
_KIND: Final = "shown once"
"""So that nothing else that lies sealed is taken for it."""


def seal_for_once(
    vault: Vault, shown: Mapping[str, str], *, session: str, path: str, now: datetime
) -> str:
    """Return a cookie's value. `session`: what is known of a session only to its pages."""
    sealed = [_KIND, session, path, (now + LASTS).timestamp(), dict(shown)]
    return vault.seal(Secret(to_json(sealed))).decode()


def open_once(
    vault: Vault, cookie: str, *, session: str, path: str, now: datetime
) -> Mapping[str, str]:
    """Return what this page may show to this session; nothing, if the cookie is not for it, or too old."""
    try:
        opened = from_json(vault.open(cookie.encode("ascii", "replace")).reveal())
        kind, for_session, for_path, until, shown = opened
    except (MasterKeyWrong, SealBroken, ValueError, TypeError):
        return {}
    if (kind, for_session, for_path) != (_KIND, session, path) or now.timestamp() > until:
        return {}
    return {str(name): str(value) for name, value in shown.items()}
