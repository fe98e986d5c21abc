"""The management API as the commands use it."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self
from urllib.parse import quote, urlencode

from tocsin.cli.address import Address, find_address
from tocsin.cli.http import TIMEOUT_SECONDS, Answer, exchange, not_tocsin
from tocsin.cli.shell import Shell
from tocsin.errors import TocsinError

API: Final = "/api/v1"
MOST_PER_PAGE: Final = 200

Json = Any
Query = str | int | None


class Refused(TocsinError):
    """The server refused. `answer` is what it said, with its own code and reason."""

    code: ClassVar[str] = "refused"

    def __init__(self, answer: Mapping[str, Json]) -> None:
        error = answer["error"]
        self.answer = answer
        self.reason_code = str(error["code"])
        super().__init__(str(error["message"]))


class NotAName(TocsinError):
    """The text stands where a name or an id should, and cannot be one."""

    code: ClassVar[str] = "not_a_name"


def segment(name: str) -> str:
    """Return a name as one segment of a path. Raises: NotAName; a server would look elsewhere."""
    if not name or "/" in name:
        raise NotAName(f"{name[:80]!r} is no name: it is {'empty' if not name else 'a path'}")
    return quote(name, safe="")


class Client:
    """Asks one server, and returns what it answers. Every method raises: NoServer, Refused."""

    def __init__(self, address: Address) -> None:
        self._address = address

    @classmethod
    def of(cls, shell: Shell) -> Self:
        """Return a client of the server that the environment names. Raises: NoServer."""
        return cls(find_address(shell.env))

    def get(self, path: str, **query: Query) -> Json:
        return self._ask("GET", _with_query(path, query))

    def text(self, path: str, **query: Query) -> str:
        """Return what is no JSON."""
        answer = self._exchange("GET", _with_query(path, query))
        return answer.body.decode() if answer.status == 200 else str(self._read(answer))

    def pages(self, path: str, *, limit: int, **query: Query) -> Json:
        """Return at most `limit` items as the API lists them, from as many pages as they take."""
        items: list[Json] = []
        cursor: str | None = None
        while True:
            size = min(limit - len(items), MOST_PER_PAGE)
            page = self.get(path, limit=size, cursor=cursor, **query)
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None or len(items) >= limit:
                return {**page, "items": items}

    def post(
        self,
        path: str,
        body: Mapping[str, Json] | None = None,
        *,
        seconds: float = TIMEOUT_SECONDS,
    ) -> Json:
        """Return the answer, which may take so long."""
        given = {name: value for name, value in (body or {}).items() if value is not None}
        return self._read(self._exchange("POST", path, given, seconds=seconds))

    def patch(self, path: str, body: Mapping[str, Json]) -> Json:
        return self._ask("PATCH", path, body)

    def delete(self, path: str) -> Json:
        return self._ask("DELETE", path)

    def _ask(self, method: str, path: str, body: Json = None) -> Json:
        return self._read(self._exchange(method, path, body))

    def _exchange(
        self, method: str, path: str, body: Json = None, *, seconds: float = TIMEOUT_SECONDS
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self._address.token.reveal()}"}
        path = f"{API}{path}"
        return exchange(self._address.url, method, path, body, headers=headers, seconds=seconds)

    def _read(self, answer: Answer) -> Json:
        if answer.status == 204:
            return {}
        try:
            content = json.loads(answer.body)
        except ValueError:
            raise not_tocsin(self._address.url, answer) from None
        if 200 <= answer.status <= 299:
            return content
        if isinstance(content, dict) and {"code", "message"} <= set(content.get("error") or ()):
            raise Refused(content)
        raise not_tocsin(self._address.url, answer)


def _with_query(path: str, query: Mapping[str, Query]) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
