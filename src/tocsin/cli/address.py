"""Which server a command speaks to, and with which token."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import SplitResult, urlsplit

from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.settings import home_folder

SERVER_FILE: Final = "server.json"
"""Written by the server when it starts: where it answers."""
TOKEN_FILE: Final = "admin.token"
"""Written by the server's first start, for the commands of its own user."""


class NoServer(TocsinError):
    """No server is known here, or the one that is does not answer."""

    code: ClassVar[str] = "no_server"


@dataclass(frozen=True, slots=True)
class Address:
    """A server and the token to show it."""

    url: str
    token: Secret

    @property
    def parts(self) -> SplitResult:
        return urlsplit(self.url)


def find_url(env: Mapping[str, str]) -> str:
    """Return the URL of the server: TOCSIN_URL, else what the local server wrote down.

    Raises: NoServer, InvalidSettings.
    """
    given = env.get("TOCSIN_URL", "").strip()
    url = given or _local_url(home_folder(env))
    if not _is_usable(url):
        raise NoServer(f"TOCSIN_URL is {url!r}: write one such as https://tocsin.example.org")
    return url.rstrip("/")


def find_address(env: Mapping[str, str]) -> Address:
    """Return the server and its token: TOCSIN_URL and TOCSIN_TOKEN, else the local server's.

    The local server's token goes nowhere else: with TOCSIN_URL, TOCSIN_TOKEN must be set.
    Raises: NoServer, InvalidSettings.
    """
    url = find_url(env)
    token = env.get("TOCSIN_TOKEN", "").strip()
    if token:
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise NoServer(
                "TOCSIN_TOKEN is not a token (it is not shown here): one looks like tsn_... and has "
                "neither spaces nor line breaks"
            )
        return Address(url, Secret(token))
    if env.get("TOCSIN_URL", "").strip():
        raise NoServer(
            "TOCSIN_URL is set and TOCSIN_TOKEN is not: set it to a token of that server; "
            "an administrator makes one there with: tocsin tokens add NAME"
        )
    return Address(url, _local_token(home_folder(env)))


def _local_url(home: Path) -> str:
    file = home / SERVER_FILE
    try:
        return str(json.loads(file.read_bytes())["url"])
    except FileNotFoundError:
        raise NoServer(
            f"No Tocsin server has run in {home}: start one with: tocsin serve. For one "
            "elsewhere set TOCSIN_URL and TOCSIN_TOKEN; for one with another home TOCSIN_HOME"
        ) from None
    except OSError as error:
        raise NoServer(
            f"{file} cannot be read ({error.strerror}): run this as the user that runs the "
            "server, or set TOCSIN_URL and TOCSIN_TOKEN"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise NoServer(f"{file} is damaged: start the server again, which writes it") from None


def _local_token(home: Path) -> Secret:
    file = home / TOKEN_FILE
    try:
        return Secret(file.read_text(encoding="ascii", errors="replace").strip())
    except OSError as error:
        raise NoServer(
            f"{file} cannot be read ({error.strerror}): run this as the user that runs the "
            "server, or set TOCSIN_TOKEN"
        ) from None


def _is_usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and not (parts.query or parts.fragment or "@" in parts.netloc)
            and url.isascii()
            and url.isprintable()
            and " " not in url
        )
    except ValueError:
        return False
