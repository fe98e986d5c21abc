"""A server, a real provider that it trusts, and browsers between them."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from tests.behaviour.harness import Tocsin, a_receiver
from tests.manual_clock import ManualClock

from tocsin.clock import SystemClock
from tocsin.domain.single_sign_on import CALLBACK_PATH, Provider
from tocsin.domain.user import UserRole
from tocsin.secret import Secret

CLIENT_ID, CLIENT_SECRET = "tocsin", "s3cret: of & the client"


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """A provider that runs, and what it calls itself."""
    command = [
        sys.executable,
        str(Path(__file__).with_name("provider.py")),
        CLIENT_ID,
        CLIENT_SECRET,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@dataclass
class Browser:
    """Keeps the cookies of each server, and goes where it is sent until it is told to stop."""

    http: httpx.AsyncClient
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    """Every URL that it was sent to."""

    async def go(self, url: str, *, stop_before: str = "\x00") -> httpx.Response:
        """Follow until there is a page, or a redirect to a URL that begins so."""
        while True:
            self.seen.append(url)
            kept = self.cookies.setdefault(urlsplit(url).netloc, {})
            cookie = "; ".join(f"{name}={value}" for name, value in kept.items())
            answer = await self.http.get(url, headers={"cookie": cookie})
            for line in answer.headers.get_list("set-cookie"):
                for name, morsel in SimpleCookie(line).items():
                    kept[name] = morsel.value
                    if morsel["max-age"] == "0":
                        del kept[name]
            self.http.cookies.clear()
            if not answer.is_redirect:
                return answer
            url = urljoin(url, answer.headers["location"])
            if url.startswith(stop_before):
                self.seen.append(url)
                return answer


@dataclass
class World:
    """A server whose people sign in by a provider."""

    tocsin: Tocsin
    issuer: str
    http: httpx.AsyncClient

    @property
    def url(self) -> str:
        return self.tocsin.server.url

    async def at_provider(self, path: str) -> None:
        (await self.http.get(urljoin(self.issuer, path))).raise_for_status()

    async def browser(self, who: str) -> Browser:
        """A browser of somebody who has signed in at the provider."""
        browser = Browser(self.http)
        (await browser.go(urljoin(self.issuer, f"/login/?who={who}"))).raise_for_status()
        return browser


@asynccontextmanager
async def serving(
    issuer: str,
    home: Path,
    *,
    newcomers: UserRole | None = UserRole.RESPONDER,
    secret: str = CLIENT_SECRET,
) -> AsyncIterator[World]:
    """Serve by the machine's clock: the provider has no other."""
    provider = Provider(issuer, CLIENT_ID, Secret(secret), name="Acme", newcomers=newcomers)
    async with a_receiver() as receiver, httpx.AsyncClient(timeout=30) as http:
        tocsin = Tocsin(home, ManualClock(), receiver)
        await tocsin.start(clock=SystemClock(), oidc=provider)
        try:
            world = World(tocsin, issuer, http)
            await world.at_provider(f"/register/?uri={world.url}{CALLBACK_PATH}")
            yield world
        finally:
            await tocsin.stop()
