"""Certificates of webhooks over HTTP: given, shown without their key, and checked."""

from datetime import timedelta
from typing import Any

import pytest
from tests.api.harness import Harness
from tests.api.test_access import check_error
from tests.certificates import make, make_ca

from tocsin.domain.principal import Scope
from tocsin.metrics import Gauges, Metrics
from tocsin.service.readiness import warnings
from tocsin.service.services import Health

YEARS = timedelta(days=3650)
ROOT = make_ca("Root", starts=-YEARS, ends=YEARS)
OURS = make(name="ours", issuer=ROOT, starts=-YEARS, ends=YEARS)
OTHER = make(name="other", issuer=ROOT, starts=-YEARS, ends=YEARS)


def test_certificates_are_given_changed_and_taken_away(harness: Harness) -> None:
    """PEM text in and out, but for the key, which nobody gets back; an empty text takes one away."""
    given = {"ca_bundle": ROOT.pem, "client_certificate": OURS.pem, "client_key": OURS.key_pem}
    new = {"name": "Bob", "url": "https://bob.example/"}
    made = harness.ask("POST", "webhooks", new | given)
    assert made.status_code == 201, made.text
    assert (made.json()["ca_bundle"], made.json()["client_certificate"]) == (ROOT.pem, OURS.pem)
    assert "PRIVATE KEY" not in made.text
    assert harness.ask("PATCH", "webhooks/bob", given).json()["changed"] is False
    assert harness.ask("PATCH", "webhooks/bob", {"deadline": "1h"}).json()["ca_bundle"] == ROOT.pem
    without = harness.ask("PATCH", "webhooks/bob", {"ca_bundle": "", "client_certificate": ""})
    assert without.json()["changed"] is True
    assert (without.json()["ca_bundle"], without.json()["client_certificate"]) == (None, None)
    change = harness.ask("GET", "changes").json()["items"][0]
    assert change["before"]["ca_bundle"].startswith("1 certificate (")
    assert (change["after"]["ca_bundle"], change["secrets"]) == (None, ["client_key"])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"ca_bundle": "no PEM"}, "invalid_pem"),
        ({"ca_bundle": OURS.key_pem}, "invalid_pem"),
        ({"ca_bundle": ROOT.pem.replace("MII", "AAA")}, "unreadable_ca_bundle"),
        ({"client_certificate": OURS.pem}, "unusable_client_certificate"),
        ({"client_key": OURS.key_pem}, "unusable_client_certificate"),
        (
            {"client_certificate": OURS.pem, "client_key": OTHER.key_pem},
            "unusable_client_certificate",
        ),
        ({"ca_bundle": "x" * (256 * 1024 + 1)}, "invalid_request"),
    ],
)
def test_certificates_that_could_not_be_used_are_refused(
    harness: Harness, given: dict[str, Any], code: str
) -> None:
    """With a code; and no answer repeats what may be a key."""
    answer = harness.ask("PATCH", "webhooks/pager", given)
    check_error(answer, 422, code)
    assert "PRIVATE KEY" not in answer.text


def test_files_are_sent_beside_the_configuration_that_names_them(harness: Harness) -> None:
    """By their paths; the server opens none of its own, whatever the text says."""
    text = "webhooks:\n  bob: {url: 'https://bob.example/', ca_bundle_file: ca.pem}\n"
    body: dict[str, Any] = {"text": text, "filename": "f.yaml"}
    for more in ({}, {"files": {"/ca.pem": ROOT.pem}}, {"dry_run": True}):
        error = check_error(
            harness.ask("POST", "configuration/apply", body | more), 422, "configuration_mistakes"
        )
        assert "f.yaml:2: webhooks.bob.ca_bundle_file: what this file holds did" in error["message"]
    sent = body | {"files": {"ca.pem": ROOT.pem}}
    assert harness.ask("POST", "configuration/apply", sent | {"dry_run": True}).status_code == 200
    assert harness.ask("POST", "configuration/apply", sent).json()["changed"] is True
    assert harness.ask("GET", "webhooks/bob").json()["ca_bundle"] == ROOT.pem


def test_a_check_says_how_far_an_attempt_would_come(harness: Harness) -> None:
    """Here to an address that is refused; of a disabled webhook, too, and that is told."""
    harness.ask("PATCH", "webhooks/pager", {"url": "https://10.1.2.3/x", "enabled": False})
    found = harness.ask("POST", "webhooks/pager/check").json()
    assert (found["ok"], found["outcome"]) == (False, "address_refused")
    assert (found["host"], found["port"], found["tls"]) == ("10.1.2.3", 443, True)
    (address,) = found["addresses"]
    assert (address["ip"], address["refusal"]) == ("10.1.2.3", found["detail"])
    assert found["microseconds"]["resolve"] is not None
    assert (found["microseconds"]["connect"], found["microseconds"]["tls"]) == (None, None)
    assert (found["chain"], found["flaws"], found["address"]) == ([], [], None)
    assert "TOCSIN_WEBHOOK_NETWORKS" in found["explanation"]
    assert found["warnings"] == [
        "The webhook is disabled: no step calls it. Enable it when it is ready."
    ]
    check_error(harness.ask("POST", "webhooks/nobody/check"), 404, "not_configured")
    check_error(harness.ask("POST", "webhooks/pager/check", scope=Scope.RESPOND), 403)


def test_a_certificate_that_ends_is_a_warning_and_a_metric() -> None:
    """It does not make the server unready."""
    (warning,) = warnings(Health(certificates_ending=["It ends."]))
    assert (warning.code, warning.message) == ("certificate_ending", "It ends.")
    gauges = Gauges(receivers_expire_at={"a": 1.8e9}, clients_expire_at={"b": 1.9e9})
    text = Metrics(version="1").render(gauges)[0].decode()
    assert 'tocsin_webhook_certificate_expires_timestamp_seconds{webhook="a"} 1.8e+09' in text
    assert (
        'tocsin_webhook_client_certificate_expires_timestamp_seconds{webhook="b"} 1.9e+09' in text
    )
