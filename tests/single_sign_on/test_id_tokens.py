"""What an ID token must be, against a provider that sends whatever a test wants."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tocsin.domain.single_sign_on import (
    AWAY_FOR,
    Identity,
    InvalidIssuer,
    Journey,
    Provider,
    SingleSignOnFailed,
    parse_issuer,
)
from tocsin.secret import Secret
from tocsin.service.single_sign_on import SingleSignOn

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
KEY, OTHER_KEY = (RSAKey.generate_key(2048, {"kid": kid}) for kid in ("a", "b"))
JOURNEY = Journey.begin(lambda size: b"j" * size, wanted="/", now=NOW)
SECRET = "a shared secret that is long enough"
Claims = dict[str, Any]


class Sender:
    """Answers as a provider does, with what the test puts into it."""

    def __init__(self) -> None:
        self.offers: Claims = {}
        self.token: Any = {}
        self.asked: list[str] = []
        self.form = ""
        sender = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                sender.asked.append(self.path)
                is_keys = self.path == "/keys"
                public = KEY.as_dict(private=False)
                self._say({"keys": [public]} if is_keys else sender.offers)

            def do_POST(self) -> None:
                sender.form = self.rfile.read(int(self.headers["content-length"])).decode()
                self._say(sender.token)

            def _say(self, what: Any) -> None:
                body = what if isinstance(what, bytes) else json.dumps(what).encode()
                is_elsewhere = body.startswith(b"/")
                self.send_response(302 if is_elsewhere else 200)
                if is_elsewhere:
                    self.send_header("location", body.decode())
                self.end_headers()
                self.wfile.write(body)

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.offers = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/leave",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def claims(self) -> Claims:
        """What a good ID token says."""
        return {
            "iss": self.issuer,
            "aud": "tocsin",
            "sub": "248289761001",
            "iat": SECONDS,
            "exp": SECONDS + 300,
            "nonce": JOURNEY.nonce,
            "preferred_username": "Ana",
        }


@pytest.fixture
def sender() -> Iterator[Sender]:
    sender = Sender()
    thread = threading.Thread(target=sender.server.serve_forever, args=(0.01,))
    thread.start()
    yield sender
    sender.server.shutdown()
    thread.join()
    sender.server.server_close()


def arrive(sender: Sender) -> Identity:
    provider = Provider(sender.issuer, "tocsin", Secret(SECRET))
    return SingleSignOn(provider, time.monotonic).arrive(
        "c0de", JOURNEY, redirect_uri="https://tocsin.example/back", now=NOW
    )


def signed(claims: Claims, *, key: RSAKey = KEY) -> Claims:
    header = {"alg": "RS256", "kid": key.kid}
    return {"id_token": jwt.encode(header, claims, key), "access_token": "x"}


def by_hand(claims: Claims, secret: bytes) -> Claims:
    """Sign with a secret that both know, or with a public key as if it were one: libraries refuse to."""
    parts = ({"alg": "HS256", "kid": "a"}, claims)
    text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return {"id_token": f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}"}


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_a_good_token_says_who_it_is(sender: Sender) -> None:
    """Issuer and subject; the name is only suggested. An audience may be one of several."""
    sender.token = signed(sender.claims())
    assert arrive(sender) == Identity(sender.issuer, "248289761001", "Ana")
    several = {"aud": ["other", "tocsin"], "azp": "tocsin"}
    sender.token = signed(sender.claims() | several)
    assert arrive(sender).subject == "248289761001"
    assert f"code_verifier={JOURNEY.verifier}" in sender.form


WRONG: dict[str, Callable[[Claims], Claims]] = {
    "another issuer": lambda claims: claims | {"iss": "https://evil.example"},
    "for somebody else": lambda claims: claims | {"aud": "other"},
    "for several, and asked for by another": lambda claims: (
        claims | {"aud": ["other", "tocsin"], "azp": "other"}
    ),
    "over": lambda claims: claims | {"exp": SECONDS - 61},
    "from the future": lambda claims: claims | {"nbf": SECONDS + 61},
    "another journey": lambda claims: claims | {"nonce": "x" * 43},
    "about nobody": lambda claims: claims | {"sub": ""},
    "about a number": lambda claims: claims | {"sub": 7},
    "about too much": lambda claims: claims | {"sub": "x" * 256},
    "of another access token": lambda claims: claims | {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


def without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


WRONG |= {f"without {name}": without(name) for name in ("iss", "aud", "sub", "exp", "iat", "nonce")}


@pytest.mark.parametrize("what", WRONG)
def test_a_token_that_is_not_for_us_now_and_here_lets_nobody_in(what: str, sender: Sender) -> None:
    """However well it is signed."""
    sender.token = signed(WRONG[what](sender.claims()))
    with pytest.raises(SingleSignOnFailed):
        arrive(sender)


def test_only_the_keys_that_the_provider_publishes_sign(sender: Sender) -> None:
    """Not another key, not our own secret, and not nothing."""
    claims = sender.claims()
    none = {"id_token": "eyJhbGciOiJub25lIn0." + signed(claims)["id_token"].split(".")[1] + "."}
    for token in (
        signed(claims, key=OTHER_KEY),
        by_hand(claims, SECRET.encode()),
        by_hand(claims, KEY.as_pem(private=False)),
        none,
        {"id_token": signed(claims)["id_token"][:-4] + "AAAA"},
        {"id_token": "x"},
        {"id_token": None},
        {"access_token": "x"},
    ):
        sender.token = token
        with pytest.raises(SingleSignOnFailed):
            arrive(sender)


@pytest.mark.parametrize("answer", [b"", b"no JSON", b"[]", b"7", b"/elsewhere", b'{"a":' * 1000])
def test_whatever_a_provider_answers_it_is_refused_in_a_sentence(
    answer: bytes, sender: Sender
) -> None:
    """Redirects with a secret in the request, too, and what is no JSON."""
    sender.token = answer
    with pytest.raises(SingleSignOnFailed, match="did not work"):
        arrive(sender)


def test_a_provider_is_who_it_says_that_it_is(sender: Sender) -> None:
    """And offers what others cannot read on the way."""
    sender.token = signed(sender.claims())
    for wrong in (
        {"issuer": f"{sender.issuer}/"},
        {"jwks_uri": "http://keys.example/"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": None},
    ):
        good = dict(sender.offers)
        sender.offers |= wrong
        with pytest.raises(SingleSignOnFailed):
            arrive(sender)
        sender.offers = good
    assert arrive(sender)


def test_the_secret_goes_as_the_provider_takes_it(sender: Sender) -> None:
    """In the header, unless it says that it only reads the form."""
    sender.token = signed(sender.claims())
    arrive(sender)
    assert "client_secret" not in sender.form
    sender.offers["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    arrive(sender)
    assert "client_secret=a+shared+secret" in sender.form


def test_what_a_provider_offers_is_asked_for_once_an_hour(sender: Sender) -> None:
    """Also when somebody sends nonsense that is signed by a key that nobody knows."""
    now = 1000.0
    provider = SingleSignOn(Provider(sender.issuer, "tocsin", Secret(SECRET)), lambda: now)
    sender.token = signed(sender.claims(), key=OTHER_KEY)
    for _ in range(5):
        with pytest.raises(SingleSignOnFailed):
            provider.arrive("c0de", JOURNEY, redirect_uri="https://t.example", now=NOW)
    assert len(sender.asked) == 2
    now += 31
    with pytest.raises(SingleSignOnFailed):
        provider.arrive("c0de", JOURNEY, redirect_uri="https://t.example", now=NOW)
    assert len(sender.asked) == 4


def test_a_journey_ends_after_ten_minutes() -> None:
    """It comes back as it was packed."""
    again = Journey.unpack(JOURNEY.packed())
    assert again == JOURNEY
    assert again.is_answered_by(JOURNEY.state, now=NOW + AWAY_FOR - timedelta(seconds=1))
    assert not again.is_answered_by(JOURNEY.state, now=NOW + AWAY_FOR)
    for state in ("", "x", "\udc80", "é"):
        assert not again.is_answered_by(state, now=NOW)
    assert JOURNEY.verifier not in repr(JOURNEY.packed())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "login.example",
        "http://login.example",
        "https://u:p@login.example",
        "https://login.example?x",
        "https://login.example#x",
        "https://login .example",
        "https://[",
        "ftp://login.example",
    ],
)
def test_an_issuer_is_a_url_that_nobody_else_can_answer(text: str) -> None:
    """In the clear only on this machine."""
    with pytest.raises(InvalidIssuer):
        parse_issuer(text)
    for good in (
        "https://login.example/realms/acme",
        "http://localhost:8080",
        "http://127.0.0.1/o",
    ):
        assert parse_issuer(good) == good
