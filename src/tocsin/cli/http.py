"""One HTTP exchange with a Tocsin server, where every failure is a sentence with the fix."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from tocsin.cli.address import NoServer

TIMEOUT_SECONDS: Final = 30.0

Json = Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


def exchange(
    url: str,
    method: str,
    path: str,
    body: Json = None,
    *,
    headers: Mapping[str, str] | None = None,
    seconds: float = TIMEOUT_SECONDS,
) -> Answer:
    """Send one request to a path below a server's URL, and return its answer, waiting `seconds` for it.

    Redirects are not followed, because a token goes along; proxies are not asked.
    Raises: NoServer.
    """
    address = urlsplit(url)
    sent = {"Accept": "application/json", **(headers or {})}
    content = None
    if body is not None:
        content = json.dumps(body).encode()
        sent["Content-Type"] = "application/json"
    connection = _connection(address, seconds)
    try:
        connection.request(method, f"{address.path}{path}", content, sent)
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, HTTPException) as error:
        raise NoServer(_why(url, error, seconds), url=url) from None
    finally:
        connection.close()


def _connection(address: SplitResult, seconds: float) -> HTTPConnection:
    host = str(address.hostname)
    if address.scheme == "https":
        context = ssl.create_default_context()
        return HTTPSConnection(host, address.port, timeout=seconds, context=context)
    return HTTPConnection(host, address.port, timeout=seconds)


def _why(url: str, error: Exception, seconds: float) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            reason = error.verify_message.rstrip(".")
            return (
                f"The certificate of {url} cannot be trusted ({reason}): set "
                "SSL_CERT_FILE to the file of its CA, or TOCSIN_URL to the name it is for"
            )
        case TimeoutError():
            return f"{url} did not answer within {seconds:.0f} s: see what the server logs"
        case ConnectionRefusedError():
            return f"Nothing listens at {url}: start the server with: tocsin serve"
        case OSError(strerror=str(reason)):
            return f"{url} cannot be reached ({reason}): start the server, or correct TOCSIN_URL"
    return f"What answers at {url} does not speak HTTP as a server does: correct TOCSIN_URL"


def not_tocsin(url: str, answer: Answer) -> NoServer:
    """Return what to say about an answer that no Tocsin server gives."""
    return NoServer(
        f"What answers at {url} (status {answer.status}) is not a Tocsin server, or a proxy "
        "before one that is down: correct TOCSIN_URL, or see the proxy's log",
        url=url,
    )
