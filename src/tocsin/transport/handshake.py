"""A TLS handshake that is only looked at: nothing is sent over it, and it is closed."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic_ns
from typing import Any, Final

from tocsin.domain.handshake import SeenHandshake
from tocsin.transport.certificates import read_chain

MOST_BYTES: Final = 256 * 1024
"""More than any honest handshake takes."""
_VERDICT_SECONDS: Final = 0.5
"""How long a receiver has, once our part is sent, to refuse our certificate. TLS 1.3 says no word of
consent: that no refusal comes is all there is."""
_KEPT_BYTES: Final = 64
_LATE_VERDICT: Final = "TLSv1.3"
# Behind the headers of the record and of the message. Source: RFC 5246, 6.2.1, 7.4 and 7.4.1.3.
_SERVER_HELLO_VERSION: Final = slice(9, 11)
_OLD_VERSIONS: Final = {b"\x03\x01": "TLSv1", b"\x03\x02": "TLSv1.1"}
_DER: Final = 2  # _ssl.ENCODING_DER
CLOSED: Final = "the connection was closed"


class Handshake(asyncio.Protocol):
    """One handshake, driven byte by byte, so that all of it is seen.

    The caller sets the time limit, and closes the transport in the end.
    """

    def __init__(self, context: ssl.SSLContext, host: str, *, awaits_verdict: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._awaits_verdict = awaits_verdict
        self._result: asyncio.Future[SeenHandshake] = self._loop.create_future()
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0
        self._agreed = 0
        self._flights = 0
        self._heard = 0
        self._first_bytes = b""

    async def with_(self, transport: asyncio.Transport) -> SeenHandshake:
        """Return what is seen of the handshake on a connection that nobody has used."""
        self._transport = transport
        self._began = monotonic_ns()
        transport.set_protocol(self)
        if not transport.is_reading():  # a tunnel, of which nothing is read until somebody uses it
            transport.resume_reading()
        self._go_on()
        try:
            return await self._result
        finally:
            if self._timer is not None:
                self._timer.cancel()

    # What asyncio calls.

    def data_received(self, data: bytes) -> None:
        if self._result.done():
            return
        self._heard += len(data)
        if self._heard > MOST_BYTES:
            self._end(f"it is longer than {MOST_BYTES // 1024} KiB")
            return
        if len(self._first_bytes) < _KEPT_BYTES:
            self._first_bytes += data[: _KEPT_BYTES - len(self._first_bytes)]
        self._incoming.write(data)
        self._go_on()

    def eof_received(self) -> None:
        self._end(CLOSED)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc) if exc else CLOSED)

    # What comes of it.

    def _go_on(self) -> None:
        try:
            self._step()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLCertVerificationError as error:
            self._flush()
            self._end(error.reason or str(error), error.verify_code, error.verify_message)
        except ssl.SSLError as error:
            self._end(error.reason or str(error))

    def _step(self) -> None:
        if self._agreed:
            # Raises what the receiver says against us. Whatever else it says, such as a session
            # ticket, it says only when it has accepted us.
            with suppress(ssl.SSLWantReadError):
                self._tls.read(1)
            self._end("")
            return
        self._tls.do_handshake()
        self._agreed = monotonic_ns()
        self._flush()
        if self._awaits_verdict and self._tls.version() == _LATE_VERDICT:
            self._timer = self._loop.call_later(_VERDICT_SECONDS, self._end, "")
        else:
            self._end("")

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._flights += 1
            self._transport.write(data)

    def _end(self, error: str, verify_code: int = 0, verify_text: str = "") -> None:
        if self._result.done():
            return
        chain, is_whole = _sent_chain(self._tls)
        cipher = self._tls.cipher()
        self._result.set_result(
            SeenHandshake(
                is_complete=not error,
                version=self._version(),
                cipher=cipher[0] if cipher else "",
                chain=read_chain(chain),
                is_whole_chain=is_whole,
                error=error,
                verify_code=verify_code,
                verify_text=verify_text,
                is_after_our_reply=self._flights > 1,
                first_bytes=self._first_bytes,
                took_us=((self._agreed or monotonic_ns()) - self._began) // 1000,
            )
        )

    def _version(self) -> str:
        """Return what was agreed on; OpenSSL forgets it when a handshake fails after that."""
        theirs = self._first_bytes[_SERVER_HELLO_VERSION]
        return self._tls.version() or _OLD_VERSIONS.get(theirs, "")


def _sent_chain(tls: ssl.SSLObject) -> tuple[Sequence[bytes], bool]:
    """Return what the receiver sent, each in DER, and whether that is all of it."""
    if hasattr(tls, "get_unverified_chain"):  # since Python 3.13
        return tls.get_unverified_chain(), True
    inside: Any = getattr(tls, "_sslobj", None)  # 3.11 and 3.12 have it there, and are finished
    if hasattr(inside, "get_unverified_chain"):
        return [each.public_bytes(_DER) for each in inside.get_unverified_chain() or ()], True
    try:
        leaf = tls.getpeercert(binary_form=True)
    except ValueError:  # not agreed yet
        leaf = None
    return ([leaf] if leaf else []), False
