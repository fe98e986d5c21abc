"""Somebody who saw a request, but does not know the auth code it was signed with."""

import http.client
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from tocsin.demo.receiver import Call
from tocsin.domain.payload import encode_form
from tocsin_receiver import sign, sign_standard

_GUESS: Final = "correct-horse-battery-staple"
_TIMEOUT_SECONDS: Final = 10.0


def forge(url: str, seen: Call, *, now: datetime) -> int:
    """Send a request like the one seen, with another message; return the status of the answer.

    It is fresh and complete: nothing but the guessed auth code is wrong with it.
    """
    fields = {**seen.fields, "message": "all is well, go back to sleep"}
    body = encode_form(fields)
    second = int(now.timestamp())
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-VictorOps-Signature": sign(url, fields, _GUESS),
        "webhook-id": seen.delivery,
        "webhook-timestamp": str(second),
        "webhook-signature": sign_standard(_GUESS, seen.delivery, second, body),
    }
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("POST", address.path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()
