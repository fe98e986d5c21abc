"""Receivers' certificates are written down beside attempts, and warned of once before they end."""

from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from tests.actions.desk import Desk

from tocsin.actions import webhooks
from tocsin.actions.certificates import Warned, certificates_in_use, find_shown, warn_of_endings
from tocsin.actions.deliver import record_attempts
from tocsin.domain.certificate_ending import ReceiverCertificate
from tocsin.domain.outcome import Outcome
from tocsin.store import schema, schema_configuration

DAY = timedelta(days=1)
NUMBERS = count()
TABLE = schema_configuration.receiver_certificates


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """One step that calls the webhook `a`, whose URL is https."""
    desk.configure({"main": [("0s", ["a"])]}, keys={"db": ["main"]})
    desk.alice.does(webhooks.update_webhook, "a", url="https://a.example/hook")
    return desk


def certificate(desk: Desk, **changes: Any) -> ReceiverCertificate:
    (webhook,) = desk.read(webhooks.list_webhooks, desk.alice.vault)
    shown = ReceiverCertificate(
        webhook_id=webhook.id,
        host="a.example",
        port=443,
        fingerprint="00ff",
        issuer="Ours",
        starts_at=desk.now - 60 * DAY,
        expires_at=desk.now + 30 * DAY,
        seen_at=desk.now,
    )
    return replace(shown, **changes)


def show(desk: Desk, shown: ReceiverCertificate) -> int:
    """Let an attempt be recorded that met a certificate; return how many were new."""
    result = desk.result(fired(desk), Outcome.DELIVERED, status=200)._replace(certificate=shown)
    with desk.database.write() as tx:
        return record_attempts(tx, [result], desk.context).new_certificates


def warn(desk: Desk) -> Warned:
    with desk.database.write() as tx:
        return warn_of_endings(tx, desk.context(tx))


def test_what_a_receiver_shows_replaces_what_it_showed(ops: Desk) -> None:
    """One row for each webhook, in the transaction that records the attempt."""
    first = certificate(ops)
    assert show(ops, first) == 1
    second = certificate(ops, fingerprint="11", issuer="Theirs", port=444, host="b.example")
    assert show(ops, second) == 1
    (row,) = ops.rows(TABLE)
    assert ReceiverCertificate(**row) == second
    assert ops.record(fired(ops), Outcome.DELIVERED, status=200).new_certificates == 0


def fired(desk: Desk) -> Any:
    desk.opened(f"entity {next(NUMBERS)}")
    (lease,) = desk.fire().leases
    return lease


def test_what_was_shown_elsewhere_is_not_the_receivers(ops: Desk) -> None:
    """Another host, another port, a URL without TLS: the certificate counts only where it was shown."""
    show(ops, certificate(ops))

    def shown() -> int:
        found = ops.read(webhooks.list_webhooks, ops.alice.vault)
        return len(ops.read(find_shown, found))

    assert shown() == 1
    for url, known in (
        ("https://a.example/other", 1),
        ("https://a.example:443", 1),
        ("https://a.example:444/", 0),
        ("https://b.example/", 0),
        ("http://a.example:443/", 0),
        ("https://a.example/", 1),
    ):
        ops.alice.does(webhooks.update_webhook, "a", url=url)
        assert shown() == known, url
    ops.alice.does(webhooks.update_webhook, "a", enabled=False)
    found = ops.read(webhooks.list_webhooks, ops.alice.vault)
    assert (shown(), ops.read(certificates_in_use, found)) == (1, [])


def test_each_warning_is_given_once(ops: Desk) -> None:
    """To whoever comes first, also when a receiver shows two certificates in turn."""
    one, other = (
        certificate(ops),
        certificate(ops, fingerprint="other", expires_at=ops.now + 5 * DAY),
    )
    days = []
    for shown in (one, one, other, one, other):
        show(ops, shown)
        days += [each.expires_at - ops.now for each in warn(ops).certificates]
    assert days == [30 * DAY, 5 * DAY]
    entries = [row for row in ops.rows(schema.timeline) if row["kind"] == "certificate_ending"]
    assert [(row["incident"], row["actor"]) for row in entries] == [(0, "engine")] * 2


def test_it_is_told_when_the_next_warning_is_due(ops: Desk) -> None:
    """So that nobody has to look before."""
    assert warn(ops).next_at is None
    show(ops, certificate(ops, expires_at=ops.now + 40 * DAY))
    assert warn(ops) == Warned((), ops.now + 10 * DAY)
    ops.wait(days=26)
    warned = warn(ops)
    assert [each.webhook.slug for each in warned.certificates] == ["a"]
    assert warned.next_at == ops.now + 11 * DAY
    ops.wait(days=11)
    assert (len(warn(ops).certificates), warn(ops).next_at) == (1, None)


def test_warnings_of_long_ago_are_forgotten(ops: Desk) -> None:
    """What was noted about certificates that ended does not gather for ever."""
    show(ops, certificate(ops))
    warn(ops)
    ops.wait(days=130)
    show(ops, certificate(ops, fingerprint="new", starts_at=ops.now - 90 * DAY))
    warn(ops)
    rows = ops.rows(schema_configuration.certificate_warnings)
    assert [row["fingerprint"] for row in rows] == ["new"]
