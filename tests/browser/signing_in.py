"""Who is signed in, as a browser carries it."""

from typing import Any
from urllib.parse import urlsplit

from tests.behaviour.harness import Tocsin
from tests.worlds.people import ADMINISTRATOR, come_back

from tocsin.secret import Secret
from tocsin.web.visit import SESSION_COOKIE


async def signed_in(tocsin: Tocsin, name: str = ADMINISTRATOR) -> dict[str, Any]:
    """Return what a context begins with (`storage_state`) that is signed in as somebody of a world."""
    return carrying(tocsin, await come_back(tocsin, name))


def carrying(tocsin: Tocsin, token: Secret) -> dict[str, Any]:
    """Return what a context begins with that has the cookie of a session."""
    cookie = {
        "name": SESSION_COOKIE,
        "value": token.reveal(),
        "domain": urlsplit(tocsin.server.url).hostname,
        "path": "/",
        "expires": -1,
        "httpOnly": True,
        "secure": True,
        "sameSite": "Lax",
    }
    return {"cookies": [cookie], "origins": []}
