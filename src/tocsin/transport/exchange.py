"""What goes into one HTTP exchange, and what comes out of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple, Self

from tocsin.domain.client_certificate import ClientCertificate
from tocsin.domain.outcome import Outcome, explain
from tocsin.domain.webhook_url import UrlParts
from tocsin.errors import TocsinError


class Destination(NamedTuple):
    """Where a connection leads. Exchanges with equal destinations share connections.

    `host` has no brackets; `ca_bundle` is the PEM text of a private CA, trusted in place of the
    system's; `client` is shown to a receiver that asks for it.
    """

    is_tls: bool
    host: str
    port: int
    ca_bundle: str | None = None
    client: ClientCertificate | None = None

    @classmethod
    def of_url(
        cls,
        parts: UrlParts,
        *,
        ca_bundle: str | None = None,
        client: ClientCertificate | None = None,
    ) -> Self:
        """Return where a URL leads. What belongs to TLS counts only with https."""
        if parts.scheme != "https":
            return cls(is_tls=False, host=parts.host, port=parts.port)
        return cls(
            is_tls=True, host=parts.host, port=parts.port, ca_bundle=ca_bundle, client=client
        )


class Exchange(NamedTuple):
    """One request to be sent, ready to the last byte.

    `head` runs from the request line to the empty line. `is_cancelled` is looked at immediately
    before the first byte is written. `is_fresh` demands a new connection.

    Units: timeouts are seconds; `connect_timeout` covers TCP and TLS together, `total_timeout`
    everything from the look-up of the name to the end of the answer.
    """

    destination: Destination
    head: bytes
    body: bytes
    connect_timeout: float
    total_timeout: float
    is_cancelled: Callable[[], bool]
    is_fresh: bool = False


class PeerCertificate(NamedTuple):
    """Of the receiver's certificate, what is kept: who issued it, and when it is valid (UTC)."""

    issuer: str
    starts_at: datetime
    expires_at: datetime
    fingerprint: str
    """SHA-256 of the whole, in hexadecimal digits."""


class Answer(NamedTuple):
    """How an exchange ended. Network conditions are never raised: they are outcomes here.

    `status` is 0 without an answer. `detail` has the facts of this exchange, "" when the outcome
    says it all. `address` is the one connected to, "" when none was. `verify_code` and `verify_text`
    are OpenSSL's verdict on a refused certificate, else 0 and "".

    Units: microseconds. `sent_after_us` is when the first byte left, counted from the start, None
    if none did; `resolve_us`, `connect_us` and `tls_us` are 0 on a reused connection;
    `first_byte_us` is from our first byte to the answer's, 0 if none came; `total_us` is the whole.
    """

    outcome: Outcome
    status: int
    detail: str
    address: str
    is_reused: bool
    sent_after_us: int | None
    resolve_us: int
    connect_us: int
    tls_us: int
    first_byte_us: int
    total_us: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    peer: PeerCertificate | None = None
    verify_code: int = 0
    verify_text: str = ""
    is_whole: bool = False
    """Whether `body` is all of it: its end has come, and it is not longer than what is kept."""
    is_direct: bool = True
    """Whether the receiver was reached without a proxy."""

    @property
    def wrote_first_byte(self) -> bool:
        return self.sent_after_us is not None

    @property
    def met_stale_connection(self) -> bool:
        """Whether a connection that had been idle turned out to have ended: no byte came back."""
        return self.is_reused and self.outcome is Outcome.CONNECTION_LOST and not self.first_byte_us

    @property
    def reason(self) -> str:
        """The likely cause, what to do, and the facts."""
        sentence = explain(self.outcome, self.status)
        return f"{sentence} ({self.detail})" if self.detail else sentence

    def header_values(self, name: bytes) -> list[bytes]:
        """Return the values of every header with this lower-case name."""
        return [value for given, value in self.headers if given.lower() == name]


@dataclass(slots=True)
class Route:
    """How a connection came about, filled in while it does. Units: microseconds.

    `address` is empty until there is a connection to it, `proxy` unless there is one to a proxy.
    """

    address: str = ""
    proxy: str = ""
    resolve_us: int = 0
    connect_us: int = 0
    tls_us: int = 0
    peer: PeerCertificate | None = None


class NotConnected(TocsinError):
    """No connection came about. Within the transport only: the sender makes an answer of it."""

    code: ClassVar[str] = "not_connected"
    status_hint: ClassVar[int] = 502

    def __init__(
        self, outcome: Outcome, detail: str, *, verify_code: int = 0, verify_text: str = ""
    ) -> None:
        super().__init__(detail, outcome=outcome)
        self.outcome = outcome
        self.detail = detail
        self.verify_code = verify_code
        self.verify_text = verify_text


def unsent(
    outcome: Outcome, detail: str, *, route: Route, total_us: int, is_reused: bool = False
) -> Answer:
    """Return the answer of an exchange of which no byte left."""
    return Answer(
        outcome=outcome,
        status=0,
        detail=detail,
        address=route.address,
        is_reused=is_reused,
        sent_after_us=None,
        resolve_us=0 if is_reused else route.resolve_us,
        connect_us=0 if is_reused else route.connect_us,
        tls_us=0 if is_reused else route.tls_us,
        first_byte_us=0,
        total_us=total_us,
        peer=route.peer,
    )
