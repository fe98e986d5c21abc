"""Why a receiver's certificate was refused: OpenSSL's verdict, and what the certificates say."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tocsin.domain.certificate import Certificate, path_of
from tocsin.domain.handshake import SeenHandshake
from tocsin.domain.tls_refusal import Flaw, Refusal
from tocsin.domain.wording import date_text, days_text, listed

_RENEW: Final = "Renew it at the receiver."
_MOST_NAMES: Final = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of the certificate: to be for `host`, at `now`, from somebody trusted.

    `bundle` has the subjects of the webhook's own CAs; None: the system's are trusted.
    """

    host: str
    now: datetime
    bundle: Collection[str] | None


def certificate_refusals(seen: SeenHandshake, asked: Asked) -> list[Refusal]:
    """Return every reason that can be seen, OpenSSL's first: it stops at the first that it finds."""
    case = _Case(seen, asked)
    explain = _VERDICTS.get(seen.verify_code, _Case.unverifiable)
    found: dict[Flaw, Refusal] = {}
    for refusal in (explain(case), *case.plain_flaws()):
        found.setdefault(refusal.flaw, refusal)
    return list(found.values())


class _Case:
    """One refused certificate: what was seen of its chain, from the receiver's own upwards."""

    def __init__(self, seen: SeenHandshake, asked: Asked) -> None:
        self._seen = seen
        self._asked = asked
        self._path = path_of(seen.chain)

    def plain_flaws(self) -> Iterator[Refusal]:
        """Yield what the receiver's own certificate shows without a look at who issued it."""
        if not self._path:
            return
        leaf, now = self._path[0], self._asked.now
        if leaf.not_after < now:
            yield self.expired()
        if leaf.not_before > now:
            yield self.not_yet_valid()
        if not leaf.is_for(self._asked.host):
            yield self.wrong_name()
        if leaf.is_key_weak:
            yield self.weak_key()
        if leaf.is_signature_weak:
            yield self.weak_signature()

    def expired(self) -> Refusal:
        now = self._asked.now
        who, it = self._whose(lambda each: each.not_after < now)
        when = f" on {date_text(it.not_after)}, {days_text(now - it.not_after)} ago" if it else ""
        return Refusal(Flaw.EXPIRED, f"{who} expired{when}.", _RENEW)

    def not_yet_valid(self) -> Refusal:
        now = self._asked.now
        who, it = self._whose(lambda each: each.not_before > now)
        when = f": it is from {date_text(it.not_before)} on" if it else ""
        return Refusal(
            Flaw.NOT_YET_VALID,
            f"{who} is not yet valid{when}.",
            "Wait until then, or correct the clock here or of whoever issued it.",
        )

    def self_signed(self) -> Refusal:
        who = f", {_quoted(self._path[0].subject)}," if self._path else ""
        return Refusal(
            Flaw.SELF_SIGNED,
            f"The receiver's certificate{who} is self-signed: no recognised CA stands behind it.",
            "If it is the right one, give it to the webhook as its ca_bundle; else let the receiver "
            "show one that a CA issued.",
        )

    def issuer(self) -> Refusal:
        """Say where the chain ends, which does not reach a CA that is trusted, and who is asked for."""
        if not self._path:
            return Refusal(
                Flaw.UNKNOWN_ISSUER,
                "The issuer of the receiver's certificate is not recognised, or its chain lacks an "
                "intermediate.",
                f"Let the receiver send its whole chain. {self._add('its CA')}",
            )
        top = self._path[-1]
        if top.is_self_signed:
            return self.self_signed() if len(self._path) == 1 else self._unknown_root(top)
        if top.issuer in (self._asked.bundle or ()):
            return self._another_key(top)
        return self._chain_ends(top) if len(self._path) > 1 else self._alone(top)

    def signature(self) -> Refusal:
        bundle = self._asked.bundle or ()
        claims = next((each for each in self._path if each.issuer in bundle), None)
        return self._another_key(claims) if claims else self.unverifiable()

    def wrong_name(self) -> Refusal:
        offered = "for another name"
        if self._path:
            names = self._path[0].names
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            offered = f"for {', '.join(names[:_MOST_NAMES])}{more}" if names else "for no name"
        return Refusal(
            Flaw.WRONG_NAME,
            f"The receiver's certificate is {offered}, and not for {self._asked.host}.",
            "Give the webhook a URL with a name that the certificate has, or the receiver a "
            "certificate for this one; a common name alone does not count.",
        )

    def weak_key(self) -> Refusal:
        who, it = self._whose(lambda each: each.is_key_weak)
        size = f" ({it.key})" if it else ""
        return Refusal(
            Flaw.WEAK_KEY,
            f"{who} has a key that is too weak{size}.",
            "Let it be issued anew with an RSA key of 2048 bits or more, or an EC key.",
        )

    def weak_signature(self) -> Refusal:
        who, it = self._whose(lambda each: each.is_signature_weak)
        how = f" ({it.signature})" if it else ""
        return Refusal(
            Flaw.WEAK_SIGNATURE,
            f"{who} is signed with a digest that is too weak{how}.",
            "Let it be issued anew, signed with SHA-256.",
        )

    def not_for_servers(self) -> Refusal:
        return Refusal(
            Flaw.NOT_FOR_SERVERS,
            "The receiver's certificate, or a CA of its chain, may not be used for a server.",
            "Let it be issued anew, for server authentication.",
        )

    def unverifiable(self) -> Refusal:
        verdict = f"OpenSSL {self._seen.verify_code}: {self._seen.verify_text}"
        return Refusal(
            Flaw.UNVERIFIABLE,
            f"The receiver's certificate does not verify ({verdict}).",
            "Look at it with: openssl s_client -connect HOST:PORT -servername HOST -showcerts",
        )

    # --- whose fault it is

    def _whose(self, is_meant: Callable[[Certificate], bool]) -> tuple[str, Certificate | None]:
        """Return what to call the lowest certificate that is meant, and it; it may not be seen."""
        for place, each in enumerate(self._path):
            if is_meant(each):
                name = f"The CA {_quoted(each.subject)} of the receiver's chain"
                return name if place else "The receiver's certificate", each
        return "A CA of the receiver's chain" if self._path else "The receiver's certificate", None

    def _unknown_root(self, root: Certificate) -> Refusal:
        return Refusal(
            Flaw.UNKNOWN_ISSUER,
            f"The receiver's chain ends in the CA {_quoted(root.subject)}, which is "
            f"{self._not_among()}.",
            self._add("it"),
        )

    def _another_key(self, top: Certificate) -> Refusal:
        return Refusal(
            Flaw.UNKNOWN_ISSUER,
            f"{_quoted(top.subject)} was issued by a CA called {_quoted(top.issuer)}, as one in the "
            "webhook's ca_bundle is, but with another key.",
            "If that CA was made anew, replace it in the ca_bundle; else find out who issued this.",
        )

    def _chain_ends(self, top: Certificate) -> Refusal:
        return Refusal(
            Flaw.UNKNOWN_ISSUER,
            f"The receiver's chain ends at {_quoted(top.subject)}, whose issuer "
            f"{_quoted(top.issuer)} is {self._not_among()}.",
            self._add("that issuer"),
        )

    def _alone(self, leaf: Certificate) -> Refusal:
        """Only the receiver's own certificate is known, and it asks for an issuer that is not.

        A recognised public CA always says where its certificate is to be had, and a ca_bundle says
        that somebody has thought of the root: then it is most likely an intermediate that is missing.
        It cannot be seen which of the two it is, so both are said.
        """
        what = "shows a certificate that"
        if self._seen.is_whole_chain:
            what = "sent no intermediate, and its certificate"
        asks = f"The receiver {what} asks for the issuer {_quoted(leaf.issuer)}, which is {self._not_among()}."
        if not leaf.issuer_urls and self._asked.bundle is None:
            return Refusal(
                Flaw.UNKNOWN_ISSUER,
                asks,
                f"{self._add('it')} If it is an intermediate, let the receiver send its whole chain.",
            )
        where = f" It is to be had at {leaf.issuer_urls[0]}." if leaf.issuer_urls else ""
        return Refusal(
            Flaw.MISSING_INTERMEDIATE,
            f"{asks}{where}",
            "If that is an intermediate, let the receiver send its whole chain (often a file called "
            f"fullchain.pem). If it is a CA of its own: {self._add('it')}",
        )

    def _not_among(self) -> str:
        if self._asked.bundle is None:
            return "not a CA that is recognised here"
        known = sorted(map(_quoted, self._asked.bundle))[:_MOST_NAMES]
        return f"not in the webhook's ca_bundle (there is {listed(known)})"

    def _add(self, what: str) -> str:
        if self._asked.bundle is not None:
            return f"Add {what} to the ca_bundle if you trust it."
        return (
            f"Give {what} to the webhook as its ca_bundle if it is a CA of your own; if it is a public "
            "one, update this machine's CA certificates."
        )


# Source: OpenSSL, X509_STORE_CTX_get_error(3).
_VERDICTS: Final[Mapping[int, Callable[[_Case], Refusal]]] = {
    2: _Case.issuer,
    7: _Case.signature,
    9: _Case.not_yet_valid,
    10: _Case.expired,
    18: _Case.self_signed,
    19: _Case.issuer,
    20: _Case.issuer,
    21: _Case.issuer,
    26: _Case.not_for_servers,
    62: _Case.wrong_name,
    64: _Case.wrong_name,
    66: _Case.weak_key,
    67: _Case.weak_key,
    68: _Case.weak_signature,
}


def _quoted(name: str) -> str:
    return f'"{name or "without a name"}"'
