"""PEM text: its blocks, one spelling for each, and refusals that say what to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.client_certificate import (
    ClientCertificate,
    read_ca_bundle,
    read_client_certificate,
    read_client_key,
)
from tocsin.domain.pem import MOST_CHARACTERS, InvalidPem, read_blocks
from tocsin.secret import Secret


def block(label: str = "CERTIFICATE", content: str = "AAAA") -> str:
    return f"-----BEGIN {label}-----\n{content}\n-----END {label}-----\n"


CERTIFICATE, KEY = block(), block("PRIVATE KEY", "SECRETSECRET")


def test_comments_and_line_ends_do_not_count() -> None:
    """Two files with the same certificates are the same text."""
    written = f"subject=CN=x\r\n\r\n  {CERTIFICATE}{block(content='BBBB')}".replace("\n", "\r\n")
    assert read_ca_bundle(written) == CERTIFICATE + block(content="BBBB")


def test_a_certificate_and_its_key_may_stand_in_one_text() -> None:
    """In any order, or apart; the certificate is kept without the key."""
    for text in (CERTIFICATE + KEY, block("EC PARAMETERS") + KEY + CERTIFICATE):
        assert read_client_certificate(text) == ClientCertificate(CERTIFICATE, Secret(KEY))
    assert read_client_certificate(CERTIFICATE) == ClientCertificate(CERTIFICATE)
    assert read_client_key(block("EC PARAMETERS") + KEY + CERTIFICATE) == Secret(KEY)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the CA bundle is not PEM text, which begins with -----BEGIN ...-----"),
        ("MIIB", "is not PEM text"),
        (CERTIFICATE.replace("\n", " "), "has lost the ends of its lines; in YAML write a |"),
        (CERTIFICATE[:-10], "has a block that begins and does not end; copy it again"),
        (f"{CERTIFICATE[:-10]}\n{CERTIFICATE}", "begins and does not end"),
        (block("CERTIFICATE REQUEST"), "holds a CERTIFICATE REQUEST; give certificates only"),
        (block(content="\u00c4AAA"), "has a character that PEM does not have; copy it again"),
        (CERTIFICATE + KEY, "holds a private key; give certificates only"),
        ("x" * (MOST_CHARACTERS + 1), "is over 256 KiB"),
    ],
)
def test_what_is_no_ca_bundle_is_refused(text: str, told: str) -> None:
    """With what is wrong with it, and never with what it holds."""
    with pytest.raises(InvalidPem, match=_quoted(told)) as refused:
        read_ca_bundle(text)
    assert "SECRET" not in refused.value.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CERTIFICATE, "the client key holds no private key"),
        (KEY + KEY, "the client key holds more than one private key"),
        (block("ENCRYPTED PRIVATE KEY"), "the client key is encrypted, and nobody could type"),
        (
            block("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA"),
            "decrypt it first (openssl pkey -in KEY -out PLAIN)",
        ),
        (block("OPENSSH PRIVATE KEY"), "is an OPENSSH PRIVATE KEY, which TLS does not use"),
    ],
)
def test_what_is_no_client_key_is_refused(text: str, told: str) -> None:
    """An encrypted one above all: nobody is there at night to type its passphrase."""
    with pytest.raises(InvalidPem, match=_quoted(told)):
        read_client_key(text)
    if "PRIVATE KEY" in text:
        with pytest.raises(InvalidPem, match=_quoted(told)):
            read_client_certificate(CERTIFICATE + text)


def test_a_key_without_a_certificate_is_no_certificate() -> None:
    """The message says what is missing."""
    with pytest.raises(InvalidPem, match="the client certificate holds no certificate"):
        read_client_certificate(KEY)


LINES = st.sampled_from(["-----BEGIN A-----", "-----END A-----", "-----BEGIN B-----", "x", "", "-"])


@given(st.lists(LINES).map("\n".join) | st.text())
def test_reading_what_was_read_changes_nothing(text: str) -> None:
    """Any text is refused, or its blocks written out read back as themselves."""
    try:
        blocks = read_blocks(text, "it")
    except InvalidPem:
        return
    assert read_blocks("".join(each.text for each in blocks), "it") == blocks


def _quoted(told: str) -> str:
    return told.replace("(", r"\(").replace(")", r"\)").replace("|", r"\|")
