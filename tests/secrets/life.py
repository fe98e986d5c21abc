"""A server's life, with a secret of every kind in it, and every place that secrets might get into."""

import asyncio
import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import sqlalchemy as sa
from tests.behaviour.configuring import configuration
from tests.behaviour.harness import ALERT_PATH, Tocsin
from tests.behaviour.test_tls import OURS
from tests.cli.conftest import Cli
from tests.secrets.odd_requests import odd_requests
from tests.secrets.talkative import Talkative

from tocsin.domain.auth_code import standard_secret
from tocsin.domain.intake import HEARTBEAT_PATH
from tocsin.domain.session import csrf_token
from tocsin.domain.watch import parse_peers
from tocsin.secret import Secret
from tocsin.store import schema
from tocsin.web.shown_once import ONCE_COOKIE
from tocsin.web.visit import SESSION_COOKIE
from tocsin.wiring.logs import JsonFormatter, LogMask, TextFormatter

BROUGHT_CODE = "Brought 'from' \"VictorOps\" \\ 50% <of> it & 7=seven"
PENDING_CODE = "Pnd1~ng-Xx2Yy3Zz4Aa5Bb6Cc7Dd8Ee9Ff0G"
FIRST_CODE = "F1rst~Code-Hh1Ii2Jj3Kk4Ll5Mm6Nn7Oo8P"
CANCELLED_CODE = "C4ncelled~Qq1Rr2Ss3Tt4Uu5Vv6Ww7Xx8Yy"
REPLACED_CODE = "R3placed-Zz9Xx8Cc7Vv6Bb5Nn4Mm3Aa2Ss1D"
BROUGHT_KEY = "Brought-Key.of_Nagios~2019"
REVOKED_KEY = "Revoked-Key.of_Zabbix~2021"
PEER_KEY = "P33r-Key.of_Oslo~2026"
PATH, QUERY, OLD_PATH = "p4th-Of-The-Pager-9x7", "qu3ryOfThePager5z", "Gone-Place-0f-It-a1"
PASSWORD = "Passw0rd-of-the-database"
PEOPLES_PASSWORD = "c0rrect-Horse-batterY staple9"
MARKER = "M4rker-that-is-no-secret-8c"
_LONG = frozenset({"changes", "alerts", "refused-alerts", "deliveries", "incidents"})
URLS = frozenset({"URL", "URL's path", "URL's query"})
LINKS = frozenset({"one-time link", "link of another page"})
PUBLIC = "https://tocsin.example"


class Life:
    """Lives, and remembers every secret and every answer."""

    def __init__(self, tocsin: Tocsin, receiver: Talkative, postgresql: str | None) -> None:
        self.tocsin = tocsin
        self.receiver = receiver
        self.postgresql = postgresql
        self.secrets: dict[str, str] = {}
        self.live: dict[str, str] = {}
        """Those that are in force at the end."""
        self.refusals: list[bytes] = []
        self.answers: dict[str, bytes] = {}

    # --- living

    async def begin(self, mask: LogMask) -> None:
        """Start, with the secrets that a first start makes."""
        # Nobody listens there: what becomes of the call is logged, shown and in the feed.
        peer = f"http://127.0.0.1:9{HEARTBEAT_PATH}{self.knows('peer key', PEER_KEY)}/life"
        settings: dict[str, Any] = {"public_url": PUBLIC, "watch": parse_peers(peer)}
        if self.postgresql:
            settings["database_url"] = Secret(self.postgresql)
            self.knows("database password", PASSWORD)
        await self.tocsin.start(log_mask=mask, **settings)
        self.tocsin.http.event_hooks["response"].append(self._note)
        home = self.tocsin.home
        self.knows("admin token", (home / "admin.token").read_text().strip())
        self.knows("first alert key", self.tocsin.alert_key)
        self.knows("master key", (home / "tocsin.db.key").read_text().strip())

    def knows(self, name: str, secret: str, *, live: bool = True) -> str:
        self.secrets[name] = secret
        (self.live if live else {})[name] = secret
        return secret

    async def _note(self, answer: httpx.Response) -> None:
        await answer.aread()
        if answer.status_code >= 400:
            headers = b"\n".join(b": ".join(pair) for pair in answer.headers.raw)
            self.refusals.append(headers + b"\n\n" + answer.content)

    async def configure(self) -> None:
        """Make tokens, keys and webhooks, in each way in which they can be made."""
        tocsin = self.tocsin
        for scope in ("read", "respond"):
            made = await tocsin.post("tokens", name=f"can-{scope}", scope=scope)
            self.knows(f"token that can {scope}", made["token"])
        revoked = await tocsin.post("tokens", name="revoked", scope="read")
        self.knows("revoked token", revoked["token"], live=False)
        await tocsin.call("DELETE", "tokens/revoked")
        headers = {"Idempotency-Key": self.secrets["token that can respond"]}
        for _ in range(2):
            made = (
                await tocsin.http.post("/api/v1/keys", json={"name": "made"}, headers=headers)
            ).json()
        self.knows("made alert key", made["key"])
        await tocsin.post("keys", name="brought", key=self.knows("brought key", BROUGHT_KEY))
        await tocsin.post("keys", name="gone", key=REVOKED_KEY)
        self.knows("revoked key", REVOKED_KEY, live=False)
        await tocsin.call("DELETE", "keys/gone")
        await self._let_people_in()
        await self._make_webhooks()
        await self._rotate()

    async def _let_people_in(self) -> None:
        """Invite two, of whom one chooses a password, signs in and makes a token of her own."""
        tocsin = self.tocsin
        first = tocsin.server.first_start
        assert first is not None
        self.knows("first invitation", first.invitation.reveal())
        waits = await tocsin.post("users", name="walt", role="viewer")
        self.knows("invitation", waits["invitation_url"].rpartition("/")[2])
        made = await tocsin.post("users", name="ana", role="responder")
        url = made["invitation_url"].removeprefix(PUBLIC)
        self.knows("used invitation", url.rpartition("/")[2], live=False)
        chosen = self.knows("password", PEOPLES_PASSWORD, live=False)
        answer = await tocsin.http.post(url, data={"password": chosen, "again": chosen})
        assert answer.status_code == 303
        session = self.knows("session", answer.cookies[SESSION_COOKIE], live=False)
        headers = {"cookie": f"{SESSION_COOKIE}={session}"}
        form = {"name": "laptop", "scope": "read", "csrf": csrf_token(Secret(session))}
        begun = await tocsin.http.post("/account/tokens", data=form, headers=headers)
        headers["cookie"] += f"; {ONCE_COOKIE}={begun.cookies[ONCE_COOKIE]}"
        page = await tocsin.http.get("/account", headers=headers)
        (token,) = set(re.findall(r"tsn_[\w-]{43}", page.text))
        self.knows("ana's own token", token)
        for wrong in (
            {"name": chosen, "password": "ana"},
            {"name": "ana", "password": "no" + chosen},
        ):
            assert (await tocsin.http.post("/sign-in", data=wrong)).status_code == 401
        tocsin.http.cookies.clear()

    async def _make_webhooks(self) -> None:
        tocsin = self.tocsin
        await tocsin.apply(
            configuration(
                {"main": [("0s", ["pager", "siren"]), ("10m", ["pager"])]},
                receiver=self.receiver.url("/hooks"),
                default=["main"],
                webhooks={"pager": {"auth_code": self.knows("first code", FIRST_CODE, live=False)}},
            )
        )
        self.knows("replaced URL's path", OLD_PATH, live=False)
        url = self.receiver.url(f"/hooks/{PATH}?to=ops&token={QUERY}")
        for name, part in (("URL", url), ("URL's path", PATH), ("URL's query", QUERY)):
            self.knows(name, part)
        await tocsin.call("PATCH", "webhooks/pager", {"url": url, "auth_code": REPLACED_CODE})
        self.knows("replaced code", REPLACED_CODE, live=False)
        more = {
            "auth_code": self.knows("brought code", BROUGHT_CODE),
            "links": ["acknowledge"],
            "client_certificate": OURS.pem,
            "client_key": OURS.key_pem,
        }
        await tocsin.call("PATCH", "webhooks/siren", more)
        # Of a key that is lines long, one will do; the others are as secret.
        self.knows("client key", OURS.key_pem.splitlines()[1], live=False)
        made = await tocsin.post("webhooks", name="Made", url=self.receiver.url("/made"))
        assert made["slug"] == "made"
        await tocsin.post("webhooks", name=MARKER, slug="marked", url=self.receiver.url("/marked"))

    async def _rotate(self) -> None:
        """Promote one code by hand and one by time, cancel one, and leave one pending."""
        tocsin = self.tocsin
        self.knows("code that was made", await self._code("made"), live=False)
        await tocsin.post("webhooks/made/rotate", promote_in="1m")
        await tocsin.advance(minutes=1)
        self.knows("code that was promoted by time", await self._code("made"))
        await tocsin.post("webhooks/siren/rotate", auth_code=CANCELLED_CODE)
        self.knows("cancelled code", CANCELLED_CODE, live=False)
        await tocsin.post("webhooks/siren/cancel-rotation")
        await tocsin.post("webhooks/pager/rotate")
        await tocsin.post("webhooks/pager/promote")
        self.knows("code that was promoted by hand", await self._code("pager"))
        await tocsin.post("webhooks/pager/rotate", auth_code=PENDING_CODE)
        self.knows("pending code", PENDING_CODE)
        self.knows("standard spelling", standard_secret(Secret(PENDING_CODE)))
        path = f"/hooks/{PATH}?to=ops&token={QUERY}"
        self.receiver.secrets = {
            path: PENDING_CODE,
            "/hooks/siren": BROUGHT_CODE,
            "/made": await self._code("made"),
        }

    async def _code(self, slug: str) -> str:
        return str((await self.tocsin.get(f"webhooks/{slug}/auth-code"))["auth_code"])

    async def page(self) -> None:
        """Alerts of every kind, deliveries that fail in every way and succeed, and what people do."""
        tocsin = self.tocsin
        await self._follow_links()
        for number in range(8):
            await tocsin.alert(entity_id=f"disk-{number}", state_message="full")
            await tocsin.advance(seconds=20)
        await tocsin.act(1, "acknowledge", message="on it")
        await tocsin.act(2, "hold", **{"for": "5m"})
        for slug in ("pager", "siren", "made"):
            await tocsin.post(f"webhooks/{slug}/test")
        # An address pasted into another one, and proxies that tell of the whole path.
        await tocsin.post_alert(
            {"message_type": "CRITICAL", "entity_id": "pasted"},
            key=quote(f"http://tocsin{ALERT_PATH}/{tocsin.alert_key}/db", safe=""),
            **{"X-Forwarded-Uri": f"{ALERT_PATH}/{tocsin.alert_key}/db", "X-Forwarded-For": "::1"},
        )
        for _ in range(8):
            await tocsin.advance(minutes=3)
        await tocsin.act(3, "resolve")

    async def _follow_links(self) -> None:
        """Look at one, use it, look again; another one stays unused."""
        for name in LINKS:
            await self.tocsin.alert(entity_id=name)
            while not any(b"ack_url" in body for body in self.receiver.bodies):
                await self.tocsin.advance(seconds=20)
            found = [
                re.findall(rb"%2Fl%2F([A-Za-z0-9_-]{44})", body) for body in self.receiver.bodies
            ]
            *_, token = (token.decode() for tokens in found for token in tokens)
            self.knows(name, token, live=False)
            self.live[name] = f"{PUBLIC}/l/{token}"
        used = f"/l/{self.secrets['one-time link']}"
        for method in ("GET", "POST", "POST", "GET", "PUT"):
            answer = await self.tocsin.http.request(method, used)
            self.answers[f"the link's page, {method}, {answer.status_code}"] = answer.content
        await self.tocsin.http.get(f"{used}x")

    async def be_asked_oddly(self) -> None:
        """Get every live secret in every odd place, by an administrator and by others."""
        for name, secret in self.live.items():
            key = self.tocsin.alert_key
            for method, path, more in odd_requests(secret, alert_key=key):
                answer = await self.tocsin.http.request(method, path, **more)
                assert answer.status_code >= 400, (name, method, path, more, answer.text)
            await self._be_asked_narrowly(secret)
            await self._be_sent_rubbish(secret)
        await self.tocsin.settle()

    async def _be_asked_narrowly(self, secret: str) -> None:
        for scope in ("token that can read", "revoked token", "token that is none"):
            token = self.secrets.get(scope, f"tsn_{secret}")
            headers = {"Authorization": f"Bearer {token}"}
            for body in ({"name": secret, "url": secret, secret: secret}, {}):
                answer = await self.tocsin.http.post(
                    f"/api/v1/webhooks/{quote(secret, safe='')}/rotate", json=body, headers=headers
                )
                assert answer.status_code >= 400

    async def _be_sent_rubbish(self, secret: str) -> None:
        """What is not HTTP, and what has nothing of it but a line."""
        port = int(self.tocsin.server.url.rpartition(":")[2])
        for line in (f"{secret}\r\n\r\n", f"GET /{secret} {secret} HTTP/9.9\r\n{secret}\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(line.encode())
            self.refusals.append(await reader.read())
            writer.close()

    async def break_down(self) -> None:
        """Let the store fail, and then let there be bugs, while secrets are in all that is asked."""
        database = self.tocsin.server.store.database
        with database.write() as tx:
            tx.core.exec_driver_sql("ALTER TABLE alert_keys RENAME TO elsewhere")
        for name, secret in self.live.items():
            answer = await self.tocsin.ask(
                "POST", "keys", {"name": "new", "key": BROUGHT_KEY + "2"}
            )
            assert answer.status_code >= 500, (name, answer.text)
            file = f"alert_keys: {{new: {{key: {BROUGHT_KEY}3}}}}\n# {secret}\n"
            answer = await self.tocsin.ask("POST", "configuration/apply", {"text": file})
            assert answer.status_code >= 500, (name, answer.text)
        with database.write() as tx:
            tx.core.exec_driver_sql("ALTER TABLE elsewhere RENAME TO alert_keys")
            tx.core.exec_driver_sql("UPDATE policy_versions SET steps = '[{\"delay\": 0}]'")
        for name, secret in self.live.items():
            answer = await self.tocsin.ask("GET", f"policies/ops/{quote(secret, safe='')}")
            assert answer.status_code == (404 if "/" in secret else 500), (name, answer.text)
            answer = await self.tocsin.ask("POST", "policies", {"name": secret, "steps": []})
            assert answer.status_code >= 400, (name, answer.text)

    async def change_master_key(self) -> None:
        """Where the server may; the one that was opens nothing afterwards."""
        answer = await self.tocsin.ask("POST", "master-key/rotate")
        if self.postgresql:
            assert answer.status_code == 409
            return
        assert answer.status_code == 200
        key = (self.tocsin.home / "tocsin.db.key").read_text().strip()
        self.live.pop("master key")
        self.secrets["old master key"] = self.secrets["master key"]
        self.knows("master key", key)

    # --- looking

    async def leave_a_mark(self) -> None:
        """Write what is no secret wherever it comes to, last of all."""
        await self.tocsin.alert(entity_id="marked", state_message=MARKER)
        await self.tocsin.post_alert(f"{{no JSON: {MARKER}".encode())
        await self.tocsin.http.get(f"/api/v1/webhooks/{MARKER}")
        while MARKER not in str(await self.tocsin.get("refused-alerts")):  # a save may be under way
            await self.tocsin.settle()

    async def look(self) -> None:
        """Ask for everything that may be seen: by who may only read, and by an administrator."""
        listed = (
            *("incidents", "alerts", "refused-alerts", "deliveries", "webhooks", "keys", "teams"),
            *("policies", "routing-keys", "default-routing", "routes/db", "upcoming", "status"),
            *("changes", "openapi.json"),
        )
        reader = {"Authorization": f"Bearer {self.secrets['token that can read']}"}
        deliveries = (await self.tocsin.get("deliveries", limit=200))["items"]
        outcomes = {attempt["status"] for each in deliveries for attempt in each["attempts"]}
        assert outcomes >= {200, 301, 404, 500}
        shown = [f"deliveries/{each['id']}" for each in deliveries]
        numbers = [each["number"] for each in (await self.tocsin.get("incidents"))["items"]]
        shown += [f"incidents/{number}{more}" for number in numbers for more in ("", "/timeline")]
        shown += [f"incidents/{number}/alerts" for number in numbers]
        shown += [f"why?subject={number}" for number in numbers]
        for path in (*listed, *shown):
            await self._look(f"a reader's {path}", path, headers=reader)
        for path in ("changes", "keys", "tokens", "master-key", "status", "refused-alerts", *shown):
            # The URL of a webhook is shown to administrators, and with a delivery, as it was sent.
            await self._look(f"an administrator's {path}", path)
        await self._look("an export without secrets", "configuration/export")
        for path in ("/metrics", "/healthz", "/readyz"):
            self.answers[path] = (await self.tocsin.http.get(path)).content

    async def _look(self, name: str, path: str, **more: Any) -> None:
        params = {"limit": "200"} if path in _LONG else None
        answer = await self.tocsin.http.get(f"/api/v1/{path}", params=params, **more)
        assert answer.status_code == 200, (name, answer.text)
        self.answers[name] = answer.content

    def files(self, copy: Path) -> dict[str, bytes]:
        """Return what lies on disk, but for the files that are there to hold a secret."""
        kept = {"admin.token", "tocsin.db.key", "alert-key-of-the-first-start"}
        found = {
            file.name: file.read_bytes()
            for file in self.tocsin.home.iterdir()
            if file.name not in kept
        }
        if not self.postgresql:
            assert {"tocsin.db", "tocsin.db-wal", "tocsin.db-shm"} <= found.keys()
        env = {"TOCSIN_HOME": str(self.tocsin.home), "TOCSIN_DATABASE_URL": self.postgresql or ""}
        done = Cli(env)("backup", str(copy))
        assert (done.code, done.err) == (0, "")
        found["what tocsin backup says"] = done.out.encode()
        found["a backup"] = copy.read_bytes()
        return found

    def rows(self) -> dict[str, bytes]:
        """Return every row of every table as text, bytes as themselves and, on PostgreSQL, in its own dump's hexadecimal."""
        found = {}
        with self.tocsin.server.store.database.read() as tx:
            for table in schema.metadata.sorted_tables:
                rows = tx.core.execute(sa.text(f"SELECT * FROM {table.name}"))
                values = [value for row in rows for value in row]
                if self.postgresql:
                    as_text = sa.text(f"SELECT t::text FROM {table.name} t")
                    values += tx.core.scalars(as_text).all()
                found[f"the table {table.name}"] = b"\n".join(
                    bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                    for value in values
                )
        return found


@contextmanager
def listening_to_logs(mask: LogMask) -> Iterator[dict[str, io.StringIO]]:
    """Gather all logs of this process at every level, in both formats, but those of the test's own client."""
    streams = {"text": io.StringIO(), "json": io.StringIO()}
    root = logging.getLogger()
    level = root.level
    handlers = []
    for form, formatter in (("text", TextFormatter(mask)), ("json", JsonFormatter(mask))):
        handler = logging.StreamHandler(streams[form])
        handler.setFormatter(formatter)
        handlers.append(handler)
        root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for client in ("httpx", "httpcore"):
        logging.getLogger(client).setLevel(logging.WARNING)
    try:
        yield streams
    finally:
        root.setLevel(level)
        for client in ("httpx", "httpcore"):
            logging.getLogger(client).setLevel(logging.NOTSET)
        for handler in handlers:
            root.removeHandler(handler)
