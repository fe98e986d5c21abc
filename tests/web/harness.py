"""Somebody with a browser that runs no scripts, in front of a real server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Final

import httpx
from tests.api.harness import Harness
from tests.web.reading import Reading, read_page

from tocsin.actions.incident_set import Context
from tocsin.actions.sessions import begin_session
from tocsin.actions.users import add_user
from tocsin.domain.session import Client, csrf_token
from tocsin.domain.user import UserRole
from tocsin.secret import Secret
from tocsin.store.database import Tx
from tocsin.web.visit import CSRF_FIELD, SESSION_COOKIE

TEAM: Final = "ops"
"""The team that the team administrator among the users administers."""
NAMES: Final = {
    UserRole.ADMINISTRATOR: "ada",
    UserRole.TEAM_ADMINISTRATOR: "tom",
    UserRole.RESPONDER: "rita",
    UserRole.VIEWER: "vic",
}
Fields = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Answer:
    """What came back, and what it says."""

    response: httpx.Response

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def text(self) -> str:
        return self.response.text

    @property
    def to(self) -> str:
        """Where it sends the browser."""
        return str(self.response.headers.get("location", ""))

    @property
    def page(self) -> Reading:
        return read_page(self.text)

    @property
    def words(self) -> str:
        return self.page.words


@dataclass
class Browser:
    """One person's browser. It keeps cookies, sends forms as a page would, and follows nothing by itself."""

    http: httpx.Client
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Answer:
        return self._send("GET", path, headers=headers)

    def post(self, path: str, fields: Fields | None = None, **headers: str) -> Answer:
        """Send a form, with the token that a page of this session would have put into it."""
        token = csrf_token(Secret(self.cookies.get(SESSION_COOKIE, "")))
        return self._send("POST", path, headers=headers, data={CSRF_FIELD: token, **(fields or {})})

    def post_and_follow(self, path: str, fields: Fields | None = None) -> Answer:
        """Send a form, and look at the page that the answer leads to. Fails, if it was refused."""
        answer = self.post(path, fields)
        assert answer.status == 303, answer.words
        return self.get(answer.to)

    def _send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        data: Fields | None = None,
    ) -> Answer:
        # Cookies by hand: the client's own jar keeps a Secure one from a server in the clear on this
        # machine, which browsers do not.
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.http.request(
            method,
            path,
            headers={"cookie": cookie, "sec-fetch-site": "same-origin", **sent},
            data={name: list(v) if not isinstance(v, str) else v for name, v in data.items()}
            if data is not None
            else None,
        )
        for line in response.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        self.http.cookies.clear()
        return Answer(response)


@dataclass
class People:
    """A browser for each of those who may come: one of every role, and a stranger."""

    harness: Harness
    _known: dict[UserRole, Browser] = field(default_factory=dict)

    def visitor(self, role: UserRole | None) -> Browser:
        """Return the browser of somebody who has signed in; None: of a stranger."""
        if role is None:
            return Browser(self.harness.http)
        if role not in self._known:
            self._known[role] = Browser(self.harness.http, {SESSION_COOKIE: self._begin(role)})
        return self._known[role]

    def _begin(self, role: UserRole) -> str:
        harness = self.harness

        def begin(tx: Tx, _context: Context) -> str:
            editor = harness.editor()
            teams = [TEAM] if role is UserRole.TEAM_ADMINISTRATOR else []
            user = add_user(tx, name=NAMES[role], role=role, of_teams=teams, editor=editor)
            client = Client("127.0.0.1", "a test")
            return begin_session(tx, user, client=client, editor=editor).token.reveal()

        session: str = harness.write(begin)
        return session

    @property
    def administrator(self) -> Browser:
        return self.visitor(UserRole.ADMINISTRATOR)

    @property
    def responder(self) -> Browser:
        return self.visitor(UserRole.RESPONDER)

    @property
    def viewer(self) -> Browser:
        return self.visitor(UserRole.VIEWER)

    @property
    def team_administrator(self) -> Browser:
        return self.visitor(UserRole.TEAM_ADMINISTRATOR)

    @property
    def stranger(self) -> Browser:
        return self.visitor(None)
