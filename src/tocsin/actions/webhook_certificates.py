"""Certificates that webhooks are given: checked when they are saved, so that no page finds out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tocsin.domain.client_certificate import (
    ClientCertificate,
    read_ca_bundle,
    read_client_certificate,
    read_client_key,
)
from tocsin.domain.configuration_file.description import ObjectKind, place_of
from tocsin.domain.configuration_file.merging import Merged
from tocsin.domain.configuration_file.mistakes import Mistake
from tocsin.domain.configuration_file.reading import ConfigurationFile
from tocsin.domain.configuration_file.reading_webhooks import FROM_FILE
from tocsin.domain.webhook_options import WebhookOptions
from tocsin.errors import TocsinError
from tocsin.transport.certificates import (
    UnusableClientCertificate,
    check_ca_bundle,
    check_client_certificate,
)

USUAL: Final = WebhookOptions()


@dataclass(frozen=True, slots=True)
class GivenCertificates:
    """What somebody gives to a webhook as PEM text: None leaves what there is, "" takes it away."""

    ca_bundle: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None


def with_certificates(
    options: WebhookOptions, given: GivenCertificates, *, now: datetime
) -> WebhookOptions:
    """Return the options with what is given in place of what they have.

    Raises: InvalidPem, UnreadableCaBundle, UnusableClientCertificate.
    """
    changed = options
    if given.ca_bundle is not None:
        bundle = read_ca_bundle(given.ca_bundle) if given.ca_bundle else None
        changed = replace(changed, ca_bundle=bundle)
    if given.client_certificate is not None or given.client_key is not None:
        changed = replace(changed, client_certificate=_client(options.client_certificate, given))
    check_certificates(changed, before=options, now=now)
    return changed


def _client(known: ClientCertificate | None, given: GivenCertificates) -> ClientCertificate | None:
    if given.client_certificate == "" and not given.client_key:
        return None
    text = given.client_certificate
    client = read_client_certificate(text) if text is not None else known
    if client is None:
        raise UnusableClientCertificate(
            "there is no client certificate that this key belongs to; give client_certificate, too"
        )
    if given.client_key:
        return replace(client, key=read_client_key(given.client_key))
    return client if client.key else replace(client, key=known.key if known else None)


def check_certificates(options: WebhookOptions, *, before: WebhookOptions, now: datetime) -> None:
    """Refuse certificates that could not be used; those that were there before are left alone.

    What has expired since it was saved must not keep anybody from changing something else.
    Raises: UnreadableCaBundle, UnusableClientCertificate.
    """
    for _, refusal in _refusals(options, before, now):
        raise refusal


def mistakes_alone(file: ConfigurationFile) -> Iterator[Mistake]:
    """Yield what is wrong with a file's certificates at any time, whatever is in force."""
    for slug, webhook in file.description.webhooks.items():
        for field, refusal in _refusals(webhook.options, USUAL, None):
            yield _mistake(file, slug, field, refusal)


def mistakes_in_force(
    file: ConfigurationFile, merged: Merged, *, now: datetime
) -> Iterator[Mistake]:
    """Yield what would be wrong with its certificates once the file is applied."""
    for slug in file.description.webhooks:
        before = merged.before.webhooks.get(slug)
        after = merged.after.webhooks[slug]
        known = before.options if before else USUAL
        for field, refusal in _refusals(after.options, known, now):
            yield _mistake(file, slug, field, refusal)


def _refusals(
    options: WebhookOptions, before: WebhookOptions, now: datetime | None
) -> Iterator[tuple[str, TocsinError]]:
    """Yield each field that is refused. Without `now` it may have expired, and its key come later."""
    for field, check in _CHECKS.items():
        try:
            check(options, before, now)
        except TocsinError as refusal:
            yield field, refusal


def _check_bundle(options: WebhookOptions, before: WebhookOptions, now: datetime | None) -> None:
    if options.ca_bundle is not None and options.ca_bundle != before.ca_bundle:
        check_ca_bundle(options.ca_bundle, now=now)


def _check_client(options: WebhookOptions, before: WebhookOptions, now: datetime | None) -> None:
    client = options.client_certificate
    if client is None or client == before.client_certificate:
        return
    if client.key is None and now is not None:
        raise UnusableClientCertificate(
            "a client certificate needs its private key; give client_key, too"
        )
    check_client_certificate(client, now=now)


_CHECKS: Final = {"ca_bundle": _check_bundle, "client_certificate": _check_client}


def _mistake(file: ConfigurationFile, slug: str, field: str, refusal: TocsinError) -> Mistake:
    place = f"{place_of(ObjectKind.WEBHOOK, slug)}.{field}"
    elsewhere = f"{place}{FROM_FILE}"
    return file.mistake(elsewhere if elsewhere in file.lines else place, refusal.message)
