"""What is asked of an OpenID Connect provider: what it offers, its keys, and whose a code is.

Every method but `run` waits for the network: for use inside it. What Authlib brings is imported with the first.
"""

import asyncio
import base64
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http.client import HTTPException
from threading import Lock
from typing import Any, Final, TypeVar
from urllib.error import URLError
from urllib.parse import quote_plus, urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tocsin.clock import Clock
from tocsin.domain.single_sign_on import (
    LONGEST_SUBJECT,
    Identity,
    Journey,
    Provider,
    SingleSignOnFailed,
    is_trustworthy,
)

T = TypeVar("T")
THREADS: Final = 2
"""Of its own: a provider that does not answer keeps nobody else waiting, such as whoever was paged."""
MOST_WAITING: Final = 20
"""Whoever comes then is asked to come again."""
logger = logging.getLogger(__name__)
_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_KEPT_SECONDS: Final = 3600.0
"""For how long what a provider offers is believed; an unknown key is looked for at once."""
_ANEW_SECONDS: Final = 30.0
"""How old the keys are at least that are asked for anew: tokens of nonsense must not make us ask."""
_TIMEOUT: Final = 10.0  # seconds
_LARGEST: Final = 512 * 1024  # bytes
_LEEWAY: Final = 60  # seconds, between two clocks
_ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "EdDSA",
)
"""Those whose keys the provider publishes: never `none`, never a shared secret."""
_SUGGESTS: Final = ("preferred_username", "nickname", "name")


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Go nowhere else, with a secret or for keys."""


class SingleSignOn:
    """One provider. Safe to share between threads."""

    def __init__(self, provider: Provider, monotonic: Callable[[], float]) -> None:
        self.provider = provider
        self._monotonic = monotonic
        self._open = build_opener(_NoRedirects).open
        self._lock = Lock()
        self._offers: dict[str, Any] = {}
        self._keys: dict[str, Any] = {}
        self._asked_at = 0.0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="tocsin-provider")
        self._waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, which asks the provider; for use on the loop. Raises: SingleSignOnFailed."""
        if self._waiting >= MOST_WAITING:
            raise SingleSignOnFailed(
                "The provider is slow, and many wait for it: try again in a moment, or sign in by a password"
            )
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def leave(self, journey: Journey, *, redirect_uri: str) -> str:
        """Return where the browser goes. Raises: SingleSignOnFailed."""
        offers, _ = self._ask()
        endpoint = _endpoint(offers, "authorization_endpoint")
        return journey.url(endpoint, self.provider, redirect_uri=redirect_uri)

    def arrive(self, code: str, journey: Journey, *, redirect_uri: str, now: datetime) -> Identity:
        """Return who came back with a code. Raises: SingleSignOnFailed."""
        offers, _ = self._ask()
        answer = self._redeem(offers, code, journey, redirect_uri)
        claims = self._verified(answer, journey, now=now)
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
            raise _failed("its ID token names nobody")
        suggested = (claims.get(name) for name in _SUGGESTS)
        name = next((each for each in suggested if isinstance(each, str) and each.strip()), "user")
        return Identity(self.provider.issuer, subject.replace("\x00", "\ufffd"), name)

    def _redeem(
        self, offers: dict[str, Any], code: str, journey: Journey, redirect_uri: str
    ) -> dict[str, Any]:
        provider = self.provider
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": journey.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        ways = offers.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in ways:
            pair = f"{quote_plus(provider.client_id)}:{quote_plus(provider.client_secret.reveal())}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {
                "client_id": provider.client_id,
                "client_secret": provider.client_secret.reveal(),
            }
        endpoint = _endpoint(offers, "token_endpoint")
        return self._fetch(Request(endpoint, urlencode(form).encode(), headers))  # noqa: S310 - checked

    def _verified(
        self, answer: dict[str, Any], journey: Journey, *, now: datetime
    ) -> dict[str, Any]:
        """Return what a signed ID token says that is for us, of this journey, and in force."""
        # Imported here: most installations have no provider.
        from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped] # noqa: PLC0415
        from joserfc import jwt  # noqa: PLC0415
        from joserfc.errors import InvalidKeyIdError, JoseError  # noqa: PLC0415
        from joserfc.jwk import KeySet  # noqa: PLC0415

        key_set: Any = KeySet.import_key_set
        provider, text = self.provider, answer.get("id_token")
        if not isinstance(text, str):
            raise _failed("it sent no ID token")
        options: Any = {
            "iss": {"essential": True, "value": provider.issuer},
            "aud": {"essential": True, "value": provider.client_id},
        }
        params = {
            "nonce": journey.nonce,
            "client_id": provider.client_id,
            "access_token": answer.get("access_token"),
        }
        try:
            try:
                token = jwt.decode(text, key_set(self._ask()[1]), list(_ALGORITHMS))
            except InvalidKeyIdError:  # it may have another key since
                token = jwt.decode(text, key_set(self._ask(anew=True)[1]), list(_ALGORITHMS))
            CodeIDToken(token.claims, token.header, options, params).validate(
                int(now.timestamp()), _LEEWAY
            )
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _failed(f"its ID token is not in order ({type(error).__name__})") from None
        return dict(token.claims)

    def _ask(self, *, anew: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what the provider offers, and its keys. Raises: SingleSignOnFailed."""
        with self._lock:
            age = self._monotonic() - self._asked_at
            is_fresh = age < (_ANEW_SECONDS if anew else _KEPT_SECONDS)
            if self._offers and is_fresh:
                return self._offers, self._keys
            issuer = self.provider.issuer
            offers = self._fetch(Request(issuer.rstrip("/") + _WELL_KNOWN))  # noqa: S310 - checked
            if offers.get("issuer") != issuer:
                raise _failed(
                    f"it calls itself {str(offers.get('issuer'))[:200]!r}, not {issuer!r}"
                )
            keys = self._fetch(Request(_endpoint(offers, "jwks_uri")))  # noqa: S310 - checked
            self._offers, self._keys, self._asked_at = offers, keys, self._monotonic()
            return offers, keys

    def _fetch(self, request: Request) -> dict[str, Any]:
        """Return a JSON object. Raises: SingleSignOnFailed."""
        try:
            with self._open(request, timeout=_TIMEOUT) as answer:
                read = json.loads(answer.read(_LARGEST))
        except URLError as error:
            reason = getattr(error, "code", None) or error.reason
            raise _failed(f"{request.host} answered {reason}") from None
        except (OSError, ValueError, HTTPException, RecursionError) as error:
            raise _failed(f"{request.host}: {type(error).__name__}") from None
        if not isinstance(read, dict):
            raise _failed(f"{request.host} sent no JSON object")
        return read


def sign_on_by(provider: Provider | None, clock: Clock) -> SingleSignOn | None:
    """Return what asks a provider, if there is one."""
    return None if provider is None else SingleSignOn(provider, clock.monotonic)


def _endpoint(offers: dict[str, Any], name: str) -> str:
    url = offers.get(name)
    if not isinstance(url, str) or not is_trustworthy(url):
        raise _failed(f"its {name} is not one that can be used")
    return url


def _failed(why: str) -> SingleSignOnFailed:
    """Return the refusal, which says no more than an administrator needs to look further."""
    return SingleSignOnFailed(
        f"Signing in by the provider did not work: {why}. Try again; if it stays so, an administrator "
        "compares TOCSIN_OIDC_* with what the provider has"
    )
