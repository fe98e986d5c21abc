"""What TLS with a webhook's receiver goes by: whom it trusts, and what it shows of itself."""

from dataclasses import dataclass
from typing import Final

from tocsin.domain.pem import certificates_of, key_of, read_blocks, split_key
from tocsin.secret import Secret

_BUNDLE: Final = "the CA bundle"
_CERTIFICATE: Final = "the client certificate"
_KEY: Final = "the client key"


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What a receiver that asks for it is shown. `chain` is PEM, our own certificate first.

    `key` belongs to it. None, in a description only: the one that is in force.
    """

    chain: str
    key: Secret | None = None


def read_ca_bundle(text: str) -> str:
    """Return the PEM text of CA certificates as it is kept. Raises: InvalidPem."""
    return certificates_of(read_blocks(text, _BUNDLE), _BUNDLE)


def read_client_certificate(text: str) -> ClientCertificate:
    """Return a certificate, with its key if the text has that, too. Raises: InvalidPem."""
    certificates, keys = split_key(text, _CERTIFICATE)
    chain = certificates_of(certificates, _CERTIFICATE)
    return ClientCertificate(chain, Secret(key_of(keys, _KEY)) if keys else None)


def read_client_key(text: str) -> Secret:
    """Return the key of a client certificate; certificates beside it are passed over. Raises: InvalidPem."""
    _, keys = split_key(text, _KEY)
    return Secret(key_of(keys, _KEY))
