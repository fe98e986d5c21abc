"""What became of one attempt, by name, and what a person should make of it."""

from collections.abc import Mapping
from enum import StrEnum


class Outcome(StrEnum):
    """How an attempt ended. The value is public and never changes."""

    DELIVERED = "delivered"
    REJECTED = "rejected"
    GONE = "gone"
    REDIRECTED = "redirected"
    CONNECTION_REFUSED = "connection_refused"
    UNREACHABLE = "unreachable"
    CONNECTION_LOST = "connection_lost"
    CONNECT_TIMED_OUT = "connect_timed_out"
    TIMED_OUT = "timed_out"
    NAME_NOT_FOUND = "name_not_found"
    NAME_TIMED_OUT = "name_timed_out"
    ADDRESS_REFUSED = "address_refused"
    CERTIFICATE_REFUSED = "certificate_refused"
    TLS_FAILED = "tls_failed"
    PROXY_UNREACHABLE = "proxy_unreachable"
    PROXY_REFUSED = "proxy_refused"
    PROXY_AUTHENTICATION = "proxy_authentication"
    MALFORMED_ANSWER = "malformed_answer"
    OUT_OF_SOCKETS = "out_of_sockets"
    INTERRUPTED = "interrupted"
    OUT_OF_TOUCH = "out_of_touch"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    UNSENDABLE = "unsendable"

    @staticmethod
    def of_status(status: int) -> "Outcome":
        """Return what an answer with this status means: 2xx, and only 2xx, is delivered."""
        if 200 <= status <= 299:
            return Outcome.DELIVERED
        if status < 100:
            return Outcome.MALFORMED_ANSWER
        if status in _REDIRECTS:
            return Outcome.REDIRECTED
        return Outcome.GONE if status == 410 else Outcome.REJECTED

    @property
    def is_delivered(self) -> bool:
        return self is Outcome.DELIVERED

    @property
    def is_final(self) -> bool:
        """Whether this is a failure that another attempt of the same delivery could not mend."""
        return self in _FINAL

    @property
    def is_ours(self) -> bool:
        """Whether the attempt failed for a reason of Tocsin's own: nothing speaks against the webhook."""
        return self in _OURS

    @property
    def is_about_tls(self) -> bool:
        """Whether a look at the receiver's side of TLS could tell more."""
        return self is Outcome.CERTIFICATE_REFUSED or self is Outcome.TLS_FAILED

    @property
    def sentence(self) -> str:
        """The likely cause and what to do, for a person."""
        return _SENTENCES[self]


_FINAL = frozenset(
    {Outcome.GONE, Outcome.ADDRESS_REFUSED, Outcome.CERTIFICATE_REFUSED, Outcome.WITHDRAWN}
)
_OURS = frozenset(
    {
        Outcome.OUT_OF_SOCKETS,
        Outcome.INTERRUPTED,
        Outcome.OUT_OF_TOUCH,
        Outcome.UNKNOWN,
        Outcome.CANCELLED,
        Outcome.WITHDRAWN,
    }
)

# 304 answers a question that a POST does not ask, 305 and 306 are retired: none says where to go.
_REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})

_SENTENCES: Mapping[Outcome, str] = {
    Outcome.DELIVERED: "The receiver took it.",
    Outcome.REJECTED: "The receiver answered, but not with 2xx; its own log says why.",
    Outcome.GONE: (
        "The receiver says that nothing is at this URL any more; correct the webhook's URL, "
        "or remove the webhook."
    ),
    Outcome.REDIRECTED: (
        "The receiver sent us elsewhere, and redirects are never followed, because the signature "
        "binds the URL; give the webhook the final URL."
    ),
    Outcome.CONNECTION_REFUSED: (
        "Nothing listens at that address and port; check that the receiver runs, and its port."
    ),
    Outcome.UNREACHABLE: (
        "The network knows no way to that address; check routes and firewalls on the way."
    ),
    Outcome.CONNECTION_LOST: (
        "The connection ended before an answer came; the receiver, or a proxy before it, "
        "crashed, restarted or closed it. It may have got the request."
    ),
    Outcome.CONNECT_TIMED_OUT: (
        "No connection within the limit; the receiver is down or overloaded, or a firewall drops "
        "packets without a word."
    ),
    Outcome.TIMED_OUT: (
        "The receiver got the request, but did not answer within the limit; let it answer first "
        "and work afterwards."
    ),
    Outcome.NAME_NOT_FOUND: "The host's name has no address; check its spelling and its DNS record.",
    Outcome.NAME_TIMED_OUT: (
        "The host's name could not be looked up; check this machine's DNS servers and its way to them."
    ),
    Outcome.ADDRESS_REFUSED: (
        "The host's name leads to an address that webhooks may not reach; "
        "TOCSIN_WEBHOOK_NETWORKS says which they may."
    ),
    Outcome.CERTIFICATE_REFUSED: (
        "The receiver's certificate cannot be trusted; it needs a valid one with its whole chain."
    ),
    Outcome.TLS_FAILED: (
        "No TLS connection came about; check that the port speaks TLS, version 1.2 or later, "
        "and whether it demands a client certificate."
    ),
    Outcome.PROXY_UNREACHABLE: (
        "The proxy that webhooks leave through cannot be reached; check that it runs, and "
        "TOCSIN_WEBHOOK_PROXY."
    ),
    Outcome.PROXY_REFUSED: (
        "The proxy made no connection to the receiver; check that it allows CONNECT to that address "
        "and port, and that the receiver runs; its own log says why."
    ),
    Outcome.PROXY_AUTHENTICATION: (
        "The proxy asks for a user and password, or does not accept those it got; put the right "
        "ones into TOCSIN_WEBHOOK_PROXY."
    ),
    Outcome.MALFORMED_ANSWER: (
        "What came back cannot be read as an HTTP/1.1 answer; check that the port is that of an "
        "HTTP server, and what it sends."
    ),
    Outcome.OUT_OF_SOCKETS: (
        "This machine had no file descriptor or port left for a connection; raise the limit of "
        "open files."
    ),
    Outcome.INTERRUPTED: "Tocsin was stopped before the attempt had ended; a page is sent again.",
    Outcome.OUT_OF_TOUCH: (
        "Not sent: this node could not reach the database for 5 s, so another may have taken over; a page "
        "is sent again."
    ),
    Outcome.UNKNOWN: (
        "Tocsin ended before it could record what became of this attempt; the receiver may have "
        "got it."
    ),
    Outcome.CANCELLED: (
        "Not sent: the incident was taken care of just before the first byte would have left."
    ),
    Outcome.WITHDRAWN: (
        "Not sent: the webhook was deleted or disabled since the step fired; enable it, or give the "
        "step another one."
    ),
    Outcome.UNSENDABLE: (
        "Not sent: no request could be made from the webhook's URL and auth code; save the webhook "
        "anew."
    ),
}

_STATUS_SENTENCES: Mapping[int, str] = {
    101: "The receiver changed to another protocol, which nobody asked for; check the URL.",
    400: "The receiver could not read the request; check which payload profile it expects.",
    401: (
        "The receiver does not accept the signature; it most likely verifies with another auth "
        "code, or with another URL than the webhook's; let the signature of such a request be explained "
        "to see which."
    ),
    403: (
        "The receiver, or a proxy before it, forbids this; most likely another auth code, "
        "or a list of allowed addresses without ours."
    ),
    404: "The receiver has nothing at this path; most likely the URL's path is misspelt.",
    405: "The receiver takes no POST at this path; most likely the URL's path is wrong.",
    408: "The receiver gave up waiting for the request; it, or a proxy before it, is overloaded.",
    413: "The receiver, or a proxy before it, takes no body of this size; raise its limit.",
    415: "The receiver does not read forms; it must take application/x-www-form-urlencoded.",
    429: "The receiver asks for fewer requests; a page is sent again when it says, within 5 minutes.",
    502: "A proxy got no proper answer from the receiver behind it; check that it runs.",
    503: "The receiver, or a proxy before it, is overloaded or under maintenance.",
    504: "A proxy waited in vain for the receiver behind it; check that it answers in time.",
}


def explain(outcome: Outcome, status: int) -> str:
    """Return the likely cause and what to do; more precise where the status tells more.

    Units: `status` is 0 when there was no answer.
    """
    if outcome is not Outcome.REJECTED:
        return outcome.sentence
    if status >= 500 and status not in _STATUS_SENTENCES:
        return "The receiver failed while it worked on the request; its own log says why."
    return _STATUS_SENTENCES.get(status, outcome.sentence)
