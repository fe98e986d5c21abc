"""Certificates of webhooks at the command line: given as files, shown, and checked without sending."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.certificates import make, make_ca, serving
from tests.cli.conftest import Cli, Receiving, listening

from tocsin.cli.webhook_check import _lines

ROOT = make_ca("Command Line's Root")
OURS = make(name="tocsin", names=(), issuer=ROOT, is_for_clients=True)
GOOD = make(issuer=ROOT, names=["127.0.0.1"])
OTHER_NAME = make(issuer=ROOT, names=["pager.example"])


@pytest.fixture
def receiver() -> Iterator[str]:
    with listening(Receiving, context=serving(GOOD)) as url:
        yield url.replace("http:", "https:")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """PEM files as an administrator keeps them."""
    tls = tmp_path / "tls"
    tls.mkdir()
    (tls / "ca.pem").write_text(ROOT.pem)
    (tls / "ours.crt").write_text(OURS.pem)
    (tls / "ours.key").write_text(OURS.key_pem)
    (tls / "binary.der").write_bytes(ROOT.der)
    return tmp_path


def configuration(folder: Path, name: str, url: str, **files: str) -> str:
    file = folder / f"{name}.yaml"
    fields = "".join(f"    {field}: {path}\n" for field, path in files.items())
    file.write_text(f"webhooks:\n  {name}:\n    url: {url}\n{fields}")
    return str(file)


def test_files_that_a_file_names_go_along_with_it(cli: Cli, folder: Path, receiver: str) -> None:
    """Relative to its own folder; the server need not have them. Afterwards the webhook works."""
    file = configuration(
        folder,
        "named-files",
        f"{receiver}/ok",
        ca_bundle_file="tls/ca.pem",
        client_certificate_file="tls/ours.crt",
        client_key_file=str(folder / "tls" / "ours.key"),
    )

    assert Cli({})("check-config", file).out == f"{file}: no mistakes\n"
    done = cli("apply", file)

    assert done.code == 0, done.err
    assert "ca_bundle: 1 certificate (" in done.out
    assert cli("apply", file, "--json").json["changed"] is False
    assert cli("webhooks", "test", "named-files").code == 0
    shown = cli("webhooks", "show", "named-files").out
    assert re.search(r"^CA bundle +1 certificate$", shown, flags=re.MULTILINE)
    assert re.search(r"^client certificate +yes$", shown, flags=re.MULTILINE)
    assert re.search(
        r"^receiver's certificate +issued by Command Line's Root, ends in 99d$",
        shown,
        flags=re.MULTILINE,
    )


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("tls/none.pem", "none.pem cannot be read: No such file or directory"),
        ("tls", "tls cannot be read: Is a directory"),
        ("tls/binary.der", "is not text; convert it to PEM first"),
        ("tls/ours.key", "the CA bundle holds a private key"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_where_it_is_named(
    cli: Cli, folder: Path, path: str, told: str
) -> None:
    """By file, line and field, as every mistake is, with or without a server."""
    file = configuration(folder, "bad-file", "https://a.example/", ca_bundle_file=path)

    for done in (Cli({})("check-config", file), cli("apply", file)):
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(f"{file}:4: webhooks.bad-file.ca_bundle_file: ")
        assert told in done.err
    assert cli("webhooks", "show", "bad-file").code == 1


def test_a_webhook_is_made_with_certificates(cli: Cli, folder: Path, receiver: str) -> None:
    """From files; one that cannot be used is refused before anything is made."""
    tls = folder / "tls"
    given = ("--ca-bundle", str(tls / "ca.pem"), "--client-certificate", str(tls / "ours.crt"))
    lacking = cli("webhooks", "add", "mtls", f"{receiver}/ok", *given)
    assert (lacking.code, lacking.out) == (1, "")
    assert "needs its private key; give client_key, too" in lacking.err

    key = ("--client-key", str(tls / "ours.key"))
    assert cli("webhooks", "add", "mtls", f"{receiver}/ok", *given, *key).code == 0
    assert cli("webhooks", "test", "mtls").code == 0
    missing = cli("webhooks", "add", "x", f"{receiver}/ok", "--ca-bundle", str(tls / "none"))
    assert "none cannot be read: No such file" in missing.err


def test_checking_shows_every_phase_and_exits_0(cli: Cli, folder: Path, receiver: str) -> None:
    """Looked up, allowed, connected, TLS with the certificate; and nothing was sent."""
    cli(
        "webhooks",
        "add",
        "checked",
        f"{receiver}/broken",
        "--ca-bundle",
        str(folder / "tls/ca.pem"),
    )

    done = cli("webhooks", "check", "checked")

    assert done.code == 0, done.out
    for line in (
        r"look up +\d+\.\d ms  127\.0\.0\.1",
        r"address +127\.0\.0\.1 may be called",
        r"connect +\d+\.\d ms  127\.0\.0\.1 port \d+",
        r"TLS +\d+\.\d ms  TLSv1\.3  TLS_\w+",
        r"certificate +CN=receiver",
        r"  for +127\.0\.0\.1",
        r"  issued by +CN=Command Line's Root",
        r"  valid +\d{4}-\d\d-\d\d \d\d:\d\dZ to \d{4}-\d\d-\d\d \d\d:\d\dZ, 99 days left",
        r"  key +EC secp256r1, signed with SHA-256",
        r"fine +An attempt would be sent\. Nothing was sent now\.",
    ):
        assert re.search(f"^{line}$", done.out, flags=re.MULTILINE), line
    assert cli("deliveries", "--webhook", "checked", "--json").json["items"] == []
    assert cli("webhooks", "check", "checked", "--json").json["ok"] is True


def test_checking_says_what_would_fail_and_exits_1(cli: Cli, folder: Path) -> None:
    """The outcome that an attempt would have, why, and what to do."""
    with listening(Receiving, context=serving(OTHER_NAME)) as url:
        secured = url.replace("http:", "https:")
        bundle = ("--ca-bundle", str(folder / "tls/ca.pem"))
        cli("webhooks", "add", "misnamed", f"{secured}/ok", *bundle)
        done = cli("webhooks", "check", "misnamed")

    assert done.code == 1
    assert re.search(r"^would fail +certificate refused$", done.out, flags=re.MULTILINE)
    assert re.search(
        r"^because +The receiver's certificate is for pager\.example, and not for 127\.0\.0\.1\.$",
        done.out,
        flags=re.MULTILINE,
    )
    assert re.search(r"^so +Give the webhook a URL with a name", done.out, flags=re.MULTILINE)


def test_checking_goes_as_far_as_it_comes(cli: Cli, folder: Path) -> None:
    """A port where nothing listens, an address that is refused, a plain URL, no such webhook."""
    with listening(Receiving) as url:
        cli("webhooks", "add", "plain-one", f"{url}/ok")
        plain = cli("webhooks", "check", "plain-one")
    gone = cli("webhooks", "check", "plain-one")
    cli("webhooks", "add", "unnamed", "https://no-such-name.invalid/")
    unnamed = cli("webhooks", "check", "unnamed")

    assert plain.code == 0
    assert re.search(r"^TLS +none: the URL begins with http://", plain.out, flags=re.MULTILINE)
    assert gone.code == 1
    assert re.search(r"^would fail +connection refused$", gone.out, flags=re.MULTILINE)
    assert re.search(r"^so +Nothing listens at that address", gone.out, flags=re.MULTILINE)
    assert unnamed.code == 1
    assert "would fail" in unnamed.out
    assert cli("webhooks", "check", "nobody").code == 1


def test_a_check_through_a_proxy_that_looks_names_up_has_no_address() -> None:
    """What is not known is not made up."""
    took = {"resolve": 10, "connect": 1500, "tls": None}
    found = dict.fromkeys(("version", "cipher", "address")) | {
        "microseconds": took,
        "host": "pager.example",
        "port": 443,
        "tls": True,
        "addresses": [],
        "chain": [],
        "warnings": [],
        "ok": True,
    }
    lines = dict(_lines(found))
    assert lines["connect"] == "1.5 ms  by the proxy, which looks names up: port 443"
    assert "address" not in lines
