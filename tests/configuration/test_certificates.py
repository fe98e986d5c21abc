"""A webhook's CA bundle and client certificate: from a file or one by one, checked when saved."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from textwrap import indent

import pytest
from cryptography.hazmat.primitives import serialization
from tests.certificates import NOW as REAL_NOW
from tests.certificates import make, make_ca, rsa_key
from tests.configuration.editing import NOW, Alice, in_force, refused

from tocsin.actions import webhooks
from tocsin.actions.apply import apply, read_configuration_file
from tocsin.actions.export import export
from tocsin.actions.webhook_certificates import GivenCertificates
from tocsin.domain.client_certificate import ClientCertificate
from tocsin.domain.configuration_file.report import report_text
from tocsin.domain.pem import InvalidPem
from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.store.schema_configuration import webhooks as table
from tocsin.transport.certificates import UnreadableCaBundle, UnusableClientCertificate

YEARS = timedelta(days=3650)
DAY = timedelta(days=1)
ROOT = make_ca("Root", starts=-YEARS, ends=YEARS)
OLD_ROOT = make_ca("Old Root", starts=-YEARS, ends=NOW - DAY - REAL_NOW)
OURS = make(name="ours", issuer=ROOT, starts=-YEARS, ends=YEARS)
OTHER = make(name="other", issuer=ROOT, starts=-YEARS, ends=YEARS)
EXPIRED = make(name="expired", issuer=ROOT, starts=-YEARS, ends=NOW - 3 * DAY - REAL_NOW)
EARLY = make(name="early", issuer=ROOT, starts=NOW + DAY - REAL_NOW, ends=YEARS)
WEAK = make(name="weak", issuer=ROOT, starts=-YEARS, ends=YEARS, key=rsa_key(1024))
RSA = make(name="rsa", issuer=ROOT, starts=-YEARS, ends=YEARS, key=rsa_key(2048))
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
GARBAGE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def file_with(slug: str = "pager", **texts: str) -> str:
    """Return a file with one webhook that has these PEM texts."""
    fields = "".join(
        f"    {name}: |\n{indent(text, ' ' * 6)}" if "\n" in text else f"    {name}: {text}\n"
        for name, text in texts.items()
    )
    return f"webhooks:\n  {slug}:\n    url: https://pager.example/\n{fields}"


def client_of(alice: Alice, slug: str = "pager") -> ClientCertificate | None:
    return in_force(alice).webhooks[slug].client_certificate


def test_a_file_gives_a_webhook_its_certificates(alice: Alice) -> None:
    """They are in force, sealed where they are secret, and applied again they change nothing."""
    text = file_with(
        ca_bundle=f"# Ours\n{ROOT.pem}", client_certificate=OURS.pem, client_key=OURS.key_pem
    )
    alice.apply(text)
    webhook = in_force(alice).webhooks["pager"]
    assert webhook.ca_bundle == ROOT.pem
    assert webhook.client_certificate == ClientCertificate(OURS.pem, Secret(OURS.key_pem))
    assert not alice.apply(text).is_changed
    with alice.database.read() as tx:
        (row,) = tx.core.execute(table.select())
    assert OURS.key_pem.splitlines()[1].encode() not in bytes(row.client_key)


def test_a_key_may_stand_with_its_certificate_and_in_any_form(alice: Alice) -> None:
    """PKCS 8 or what older tools write."""
    alice.apply(file_with(client_certificate=RSA.write_key(TRADITIONAL) + RSA.pem))
    client = client_of(alice)
    assert client is not None
    assert client.key == Secret(RSA.write_key(TRADITIONAL))


def test_a_key_that_the_file_omits_is_kept(alice: Alice) -> None:
    """As an auth code is; but a certificate that the file omits goes, and its key with it."""
    alice.apply(file_with(client_certificate=OURS.pem, client_key=OURS.key_pem))
    assert not alice.apply(file_with(client_certificate=OURS.pem)).is_changed
    renewed = make(name="renewed", issuer=ROOT, starts=-YEARS, ends=YEARS, key=OURS.key)
    alice.apply(file_with(client_certificate=renewed.pem))
    assert client_of(alice) == ClientCertificate(renewed.pem, Secret(OURS.key_pem))
    assert refused(alice, file_with(client_certificate=OTHER.pem)) == [
        (
            "f:4: webhooks.pager.client_certificate: the client key is not that of the client "
            "certificate; give the two that were made together"
        )
    ]
    alice.apply(file_with())
    assert client_of(alice) is None


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ({"ca_bundle": "ca.pem"}, "4: webhooks.pager.ca_bundle: the CA bundle is not PEM text"),
        (
            {"ca_bundle": GARBAGE},
            "4: webhooks.pager.ca_bundle: the CA bundle has a certificate that",
        ),
        ({"ca_bundle": OURS.key_pem}, "the CA bundle holds a private key"),
        (
            {"ca_bundle": OLD_ROOT.pem},
            "every certificate of the CA bundle has expired, the last on",
        ),
        ({"client_certificate": OURS.pem}, "needs its private key; give client_key, too"),
        (
            {"client_key": OURS.key_pem},
            "client_key: write the client_certificate that it belongs to",
        ),
        ({"client_certificate": GARBAGE}, "the client certificate cannot be read"),
        (
            {"client_certificate": OURS.pem, "client_key": OTHER.key_pem},
            "4: webhooks.pager.client_certificate: the client key is not that of the client",
        ),
        (
            {"client_certificate": ROOT.pem + OURS.pem, "client_key": OURS.key_pem},
            "belongs to another certificate of the chain than the first; put that one first",
        ),
        (
            {"client_certificate": OURS.pem, "client_key": OURS.write_key(passphrase=b"x")},
            "client_key: the client key is encrypted",
        ),
        (
            {"client_certificate": RSA.pem, "client_key": RSA.write_key(TRADITIONAL, b"x")},
            "client_key: the client key is encrypted",
        ),
        (
            {
                "client_certificate": OURS.pem,
                "client_key": GARBAGE.replace("CERTIFICATE", "PRIVATE KEY"),
            },
            "the client key cannot be read",
        ),
        (
            {"client_certificate": EXPIRED.pem, "client_key": EXPIRED.key_pem},
            "the client certificate expired on 2026-02-26 09:00Z, 3 days ago; have it renewed",
        ),
        (
            {"client_certificate": EARLY.pem, "client_key": EARLY.key_pem},
            "the client certificate is valid only from 2026-03-02 09:00Z on",
        ),
        (
            {"client_certificate": WEAK.pem, "client_key": WEAK.key_pem},
            "the client certificate's key is too weak (RSA 1024 bits)",
        ),
        ({"ca_bundle_file": "ca.pem"}, "ca_bundle_file: what this file holds did not come with"),
        (
            {"ca_bundle": ROOT.pem, "ca_bundle_file": "ca.pem"},
            "ca_bundle_file: there is ca_bundle, too; keep one",
        ),
    ],
)
def test_what_could_not_be_used_is_refused_when_it_is_saved(
    alice: Alice, texts: dict[str, str], told: str
) -> None:
    """With the line and what to do; and without a word of the key."""
    mistakes = refused(alice, file_with(**texts))
    assert any(told in each for each in mistakes), mistakes
    assert in_force(alice).webhooks == {}


def test_what_has_expired_since_does_not_keep_the_rest_from_changing(alice: Alice) -> None:
    """On the morning after, something else must be mended first; making it anew is still refused."""
    given = {
        "ca_bundle": OLD_ROOT.pem,
        "client_certificate": EXPIRED.pem,
        "client_key": EXPIRED.key_pem,
    }
    then = Alice(alice.database, replace(alice.editor, now=NOW - 30 * DAY))
    then.apply(file_with(**given))
    report = alice.apply(file_with(**given, deadline="1h"))
    assert report.is_changed
    assert alice.does(webhooks.update_webhook, "pager", name="Beeper").name == "Beeper"
    assert len(refused(alice, file_with("another", **given))) == 2


def test_certificates_are_told_of_by_a_short_word(alice: Alice) -> None:
    """In reports and in the list of changes; of a key only that it changed."""
    created = alice.apply(
        file_with(client_certificate=OURS.pem + ROOT.pem, client_key=OURS.key_pem)
    )
    assert "    client_certificate: 2 certificates (" in report_text(created, is_dry_run=False)
    report = report_text(alice.apply(file_with(ca_bundle=ROOT.pem)), is_dry_run=False)
    assert "    ca_bundle: none -> 1 certificate (" in report
    assert "    client_certificate: 2 certificates (" in report
    assert ") -> none\n" in report
    assert "    client_key: another one" in report
    assert alice.changes()[0].secrets == ("client_key",)
    assert "BEGIN" not in repr(alice.changes())


def test_an_export_has_the_certificates_and_the_key_only_on_request(alice: Alice) -> None:
    """As they stand in files; applied here without the key, or elsewhere with it, it is the same."""
    alice.apply(file_with(ca_bundle=ROOT.pem, client_certificate=OURS.pem, client_key=OURS.key_pem))
    texts = {}
    for with_secrets in (False, True):
        with alice.database.read() as tx:
            texts[with_secrets] = export(tx, alice.vault, with_secrets=with_secrets)
        assert f"    ca_bundle: |\n{indent(ROOT.pem, ' ' * 6)}" in texts[with_secrets]
        assert not alice.apply(texts[with_secrets], prune=True).is_changed
    assert "client_key: |" in texts[True]
    assert "PRIVATE KEY" not in texts[False]
    before = in_force(alice).description
    alice.apply("webhooks:\n", prune=True)
    alice.apply(texts[True])
    assert in_force(alice).description == before


def test_other_files_are_read_by_whoever_applies(alice: Alice, tmp_path: Path) -> None:
    """By the path as it is written; what is wrong with them is told at its line."""
    held = {"a.pem": ROOT.pem, "b.pem": OURS.pem + OURS.key_pem, "c.pem": "no PEM"}
    names = {"ca_bundle_file": "a.pem", "client_certificate_file": "b.pem"}
    file = read_configuration_file(
        file_with(**names).encode(), name="f", read_file=held.__getitem__
    )
    with alice.database.write() as tx:
        apply(tx, file, editor=alice.editor)
    assert in_force(alice).webhooks["pager"].ca_bundle == ROOT.pem
    assert client_of(alice) == ClientCertificate(OURS.pem, Secret(OURS.key_pem))
    bad = read_configuration_file(
        file_with(ca_bundle_file="c.pem").encode(), name="f", read_file=held.__getitem__
    )
    (mistake,) = bad.mistakes
    assert mistake.text("f").startswith("f:4: webhooks.pager.ca_bundle_file: the CA bundle is not")


def create(alice: Alice, **given: str) -> None:
    certificates = GivenCertificates(**given)
    alice.does(
        webhooks.create_webhook, name="P", url="https://p.example/", certificates=certificates
    )


def test_one_webhook_is_given_certificates_and_they_are_taken_away(alice: Alice) -> None:
    """What is not given stays; an empty text takes it away; a renewed one keeps its key."""
    create(alice, ca_bundle=ROOT.pem, client_certificate=OURS.pem, client_key=OURS.key_pem)

    def change(**given: str) -> tuple[str | None, ClientCertificate | None]:
        certificates = GivenCertificates(**given)
        made = alice.does(webhooks.update_webhook, "p", certificates=certificates)
        return made.ca_bundle, made.client_certificate

    ours = ClientCertificate(OURS.pem, Secret(OURS.key_pem))
    assert change() == (ROOT.pem, ours)
    assert change(client_certificate=OURS.pem + ROOT.pem) == (
        ROOT.pem,
        ClientCertificate(OURS.pem + ROOT.pem, Secret(OURS.key_pem)),
    )
    assert change(ca_bundle="") == (None, ClientCertificate(OURS.pem + ROOT.pem, ours.key))
    with pytest.raises(UnusableClientCertificate, match="not that of the client certificate"):
        change(client_key=OTHER.key_pem)
    with pytest.raises(UnusableClientCertificate, match="not that of the client certificate"):
        change(client_certificate=OTHER.pem)
    assert change(client_certificate="") == (None, None)
    with pytest.raises(UnusableClientCertificate, match="give client_certificate, too"):
        change(client_key=OTHER.key_pem)


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"ca_bundle": "x"}, InvalidPem),
        ({"ca_bundle": OLD_ROOT.pem}, UnreadableCaBundle),
        ({"client_certificate": OURS.pem}, UnusableClientCertificate),
        ({"client_certificate": EXPIRED.pem + EXPIRED.key_pem}, UnusableClientCertificate),
    ],
)
def test_one_webhook_with_what_could_not_be_used_is_refused(
    alice: Alice, given: dict[str, str], refusal: type[TocsinError]
) -> None:
    """And nothing is made."""
    with pytest.raises(refusal):
        create(alice, **given)
    assert in_force(alice).webhooks == {}


def test_a_deleted_webhooks_client_key_is_gone(alice: Alice) -> None:
    """With its other secrets."""
    create(alice, client_certificate=OURS.pem, client_key=OURS.key_pem)
    alice.does(webhooks.delete_webhook, "p")
    with alice.database.read() as tx:
        (row,) = tx.core.execute(table.select())
    assert row.client_key is None
