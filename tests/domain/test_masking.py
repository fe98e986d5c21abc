"""What is known to be secret leaves in no text, however a message came by it."""

import json
import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.alert_key import key_hash
from tocsin.domain.auth_code import PendingAuthCode, standard_secret
from tocsin.domain.masking import SHORTEST, KnownSecrets, secret_parts, secrets_of
from tocsin.secret import Secret

CODE = "Rr4~Tt5-Yy6 'Uu7' \"Ii8\" \\ Oo9 %Pp0"
KEY = "Brought-Key.of_Nagios~2019"
KNOWN = KnownSecrets([CODE, "s3cret-Part-of-a-URL"], {key_hash(Secret(KEY))})
AROUND = st.text(string.ascii_letters + string.digits + " '\"/\\.,:\n", max_size=30)


@given(AROUND, AROUND)
def test_a_secret_is_masked_wherever_it_stands(before: str, after: str) -> None:
    """And nothing else of the text is lost."""
    masked = KNOWN.mask(f"{before}<{CODE}>{after}")
    assert CODE not in masked
    assert masked == f"{KNOWN.mask(before)}<***>{KNOWN.mask(after)}"


@pytest.mark.parametrize(
    "quoted",
    [CODE, repr(CODE), json.dumps(CODE), quote(CODE, safe=""), CODE.lower(), CODE.upper()],
)
def test_a_secret_is_masked_however_a_message_quotes_it(quoted: str) -> None:
    """As Python, JSON and URLs write it; routing keys and host names are shown in small letters."""
    masked = KNOWN.mask(f"there is no {quoted}; look again")
    assert "Tt5" not in masked
    assert masked.startswith("there is no ")
    assert masked.endswith("; look again")


@given(st.integers(SHORTEST, len(CODE)))
def test_a_secret_that_was_cut_short_is_masked(length: int) -> None:
    """A refusal repeats only the beginning of what is long."""
    assert KNOWN.mask(f"<{CODE[:length]}> is too long") == "<***> is too long"


def test_two_secrets_that_begin_alike_are_both_masked() -> None:
    """Each to its end."""
    short, long = "the-same-beginning-1", "the-same-beginning-1-and-more-of-it"
    known = KnownSecrets([short, long])
    assert known.mask(f"{long} {short} {long[:-3]}!") == "*** *** ***!"


@pytest.mark.parametrize("text", [f"key {KEY}.", f"keys.{KEY}.was", f"'{KEY}'", f"/alert/{KEY}/x"])
def test_an_alert_key_is_masked_although_only_its_hash_is_known(text: str) -> None:
    """Also between the full stops of a place in a file; as much is left as lists show."""
    assert KNOWN.mask(text) == text.replace(KEY, "Brou...")


def test_what_has_the_form_of_a_secret_is_masked_without_being_known() -> None:
    """Tokens, Standard Webhooks' spelling, one-time links and master keys, of this server or another."""
    mask = KnownSecrets().mask
    token = "tsn_" + "aB3_" * 10 + "xyz"
    assert mask(f"token {token}, see") == "token tsn_aB3_..., see"
    assert mask(f"it is {standard_secret(Secret(CODE))}!") == "it is whsec_...!"
    assert mask("GET https://a.example/l/AbCd" + "x" * 40) == "GET https://a.example/l/AbCd..."
    assert mask("GET https://a.example/L/AbCd" + "x" * 40) == "GET https://a.example/L/AbCd..."
    assert mask("line " + "a" * 43 + "= of it") == "line *** of it"


@pytest.mark.parametrize(
    "text",
    [
        "There is no webhook 'pager'",
        "teams.ops.policies.main.steps[2].after: Is 5 seconds or minutes? Write 5s or 5m",
        "dlv_0c8ef309e0007401 was refused by 10.0.0.1:8080",
        "İstanbul: the letter that grows when it is small",
        "",
    ],
)
def test_everything_else_stays_as_it_is(text: str) -> None:
    """A mask where nothing is secret would take away what the reader needs."""
    assert KNOWN.mask(text) == text


def test_the_parts_of_a_url_that_are_words_are_no_secret() -> None:
    """Only what is long and has a digit, or letters of both sizes; without the host."""
    url = "https://Long-Host-Name-1.example/integrations/notifications/T0pSecretPart?token=Qu3ry-secret-9&to=ops"
    parts = set(secret_parts(url))
    assert {"T0pSecretPart", "Qu3ry-secret-9"} < parts
    assert all("T0pSecretPart" in part or "Qu3ry-secret-9" in part for part in parts)
    assert list(secret_parts("https://a.example/hook?to=ops")) == []
    assert list(secret_parts("https://a.example")) == []
    assert "a b-Secret-1" in set(secret_parts("https://a.example?x=a%20b-Secret-1"))


def test_a_url_that_was_cut_within_its_secret_is_masked() -> None:
    """The first few characters of it are enough."""
    known = KnownSecrets(secret_parts("https://a.example/hook/T0pSecretPart/x"))
    assert known.mask("'https://a.example/hook/T0pSecr' is no length") == (
        "'https://a.example***' is no length"
    )


def test_a_webhook_has_the_secrets_of_its_url_and_both_auth_codes() -> None:
    """What its administrators and its receiver may see, and nobody else."""
    pending = PendingAuthCode(Secret("the-pending-auth-code"))
    found = secrets_of("https://a.example/T0pSecretPart", Secret(CODE), pending)
    assert {CODE, "the-pending-auth-code", "T0pSecretPart"} <= set(found)
    assert secrets_of("https://a.example/x", Secret(CODE), None) == [CODE]
