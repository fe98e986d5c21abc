"""What a certificate says, and whether it says it about a host."""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, read. Subject and issuer are as RFC 4514 writes them: `CN=db.example,O=Ours`.

    Units: instants are aware UTC.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    """The DNS names and IP addresses that it is for."""
    not_before: datetime
    not_after: datetime
    key: str
    """Kind and size: `RSA 2048 bits`."""
    is_key_weak: bool
    signature: str
    """How its issuer signed it: `SHA-256`."""
    is_signature_weak: bool
    is_self_signed: bool
    is_ca: bool
    issuer_urls: tuple[str, ...]
    """Where its issuer's certificate can be had, as it says itself."""
    fingerprint: str
    """SHA-256 of the whole, in hexadecimal digits."""

    def is_for(self, host: str) -> bool:
        """Return whether it names a host, which is a name or an address without brackets.

        A `*` stands for one whole label, the first. Source: RFC 9525, 6.3.
        """
        try:
            address = ip_address(host)
        except ValueError:
            wanted = host.removesuffix(".").lower()
            anything = f"*.{wanted.partition('.')[2]}"
            return any(name.lower() in (wanted, anything) for name in self.names)
        return str(address) in self.names


def path_of(chain: "tuple[Certificate, ...]") -> "list[Certificate]":
    """Return the part of what a receiver sent that leads from its own certificate upwards.

    Receivers send it in any order, and more than is needed.
    """
    if not chain:
        return []
    path = [chain[0]]
    rest = list(chain[1:])
    while not path[-1].is_self_signed:
        above = next((each for each in rest if each.subject == path[-1].issuer), None)
        if above is None:
            break
        rest.remove(above)
        path.append(above)
    return path
