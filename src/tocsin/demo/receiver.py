"""A receiver as its owner could have written it: it verifies each request, then takes it or not."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from tocsin.clock import Clock
from tocsin.secret import Secret
from tocsin_receiver import VerificationError, read, verify_standard

REFUSED: Final = 401
"""The status of the answer to a request that is not believed."""
_LONGEST_BODY: Final = 1 << 20
_LOOKS_EVERY_SECONDS: Final = 0.05
"""How long stopping may take."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, and how it was answered."""

    webhook: str
    at: datetime
    delivery: str
    """Its id as the request says; to be believed only if nothing was refused."""
    attempt: int
    """How many verified requests of this delivery had come, this one included; 0 if it is refused."""
    status: int
    fields: Mapping[str, str]
    refusal: VerificationError | None = None


class Receiver:
    """Listens on a free port of this machine; `tell` is called from its own threads."""

    def __init__(
        self,
        webhook: str,
        path: str,
        *,
        answers: tuple[int, ...],
        clock: Clock,
        tell: Callable[[Call], None],
    ) -> None:
        self.auth_code = Secret("")
        """The webhook's; until it is known, every request is refused."""
        self._webhook = webhook
        self._answers = answers
        self._clock = clock
        self._tell = tell
        self._attempts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}{path}"

    def __enter__(self) -> Self:
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(_LOOKS_EVERY_SECONDS,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Return the status of the answer: who is not verified is refused, whatever it asks for."""
        code, now = self.auth_code.reveal(), self._clock.now()
        call = Call(self._webhook, now, headers.get("webhook-id", ""), 0, REFUSED, {})
        try:
            fields = read(self.url, headers, body, code)
            delivery = verify_standard(code, headers, body, now=now.timestamp())
        except VerificationError as refusal:
            call = replace(call, refusal=refusal)
        else:
            attempt, status = self._next_answer(delivery)
            call = replace(call, attempt=attempt, status=status, fields=fields)
        self._tell(call)
        return call.status

    def _next_answer(self, delivery: str) -> tuple[int, int]:
        with self._lock:
            given = self._attempts.total()
            self._attempts[delivery] += 1
            return self._attempts[delivery], self._answers[min(given, len(self._answers) - 1)]


class _Server(ThreadingHTTPServer):
    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > _LONGEST_BODY:
            self.send_error(400)
            return
        headers = dict(self.headers.items())
        status = self.server.receiver.take(headers, self.rfile.read(int(length)))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by its class
        """Say nothing: the demo tells what came."""
