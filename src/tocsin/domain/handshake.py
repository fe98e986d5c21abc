"""What was seen in one TLS handshake, however it ended."""

from dataclasses import dataclass

from tocsin.domain.certificate import Certificate


@dataclass(frozen=True, slots=True)
class SeenHandshake:
    """Facts only; what they mean is said by `tocsin.domain.tls_refusal`. Units: microseconds."""

    is_complete: bool
    """Both sides are content: no refusal came, not even after the last message."""
    version: str = ""
    """As OpenSSL writes it, `TLSv1.3`; empty when none was agreed on."""
    cipher: str = ""
    chain: tuple[Certificate, ...] = ()
    """What the receiver sent, its own certificate first; empty when that was not seen."""
    is_whole_chain: bool = True
    """False: this Python tells the first certificate only."""
    error: str = ""
    """OpenSSL's name for why it failed, or the system's text when the connection ended."""
    verify_code: int = 0
    """OpenSSL's number for why a certificate was refused; 0 if it was not that."""
    verify_text: str = ""
    is_after_our_reply: bool = False
    """The error came when the receiver had agreed to speak, and we had sent our part."""
    first_bytes: bytes = b""
    """How the receiver's first answer began."""
    took_us: int = 0
