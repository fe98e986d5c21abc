"""A request as a server sends it to a receiver of a chaos run."""

import asyncio

from tocsin.chaos.receiver import HOST
from tocsin.clock import SystemClock
from tocsin_receiver import sign, sign_standard

CODE = "Kk1~Ll2-Mm3Nn4Oo5Pp6Qq7Rr8Ss9Tt0Uu1V"
_FIELDS = {"incident": "7", "entity_id": '"disk"'}
_BODY = b"incident=7&entity_id=%22disk%22"


def signed(port: int, *, code: str = CODE) -> bytes:
    """Return a whole request of the delivery `dlv_1`."""
    url, second = f"http://{HOST}:{port}/0/1", int(SystemClock().now().timestamp())
    return "\r\n".join(
        [
            "POST /0/1 HTTP/1.1",
            "Host: x",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(_BODY)}",
            f"X-VictorOps-Signature: {sign(url, _FIELDS, code)}",
            "webhook-id: dlv_1",
            f"webhook-timestamp: {second}",
            f"webhook-signature: {sign_standard(code, 'dlv_1', second, _BODY)}",
            "",
            _BODY.decode(),
        ]
    ).encode()


async def send(port: int, *, code: str = CODE, gives_up: bool = False) -> bytes:
    """Return the head of the answer; what there is of it when the connection ends before."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(signed(port, code=code))
    try:
        if gives_up:
            writer.write_eof()
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    finally:
        writer.close()
