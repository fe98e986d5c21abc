"""A request as a command that sends it: for a terminal, to look into a receiver."""

import shlex
from collections.abc import Iterable

from tocsin.domain.masking import MASK

_OWN = frozenset({"content-length", "connection", "host"})
"""Headers that curl makes itself, of the URL and the body."""


def curl_command(url: str, headers: Iterable[tuple[str, str | None]], body: str) -> str:
    """Return the command. A header that is None is masked: whoever verifies it refuses the request.

    The URL goes out as it is written: curl neither expands nor tidies it.
    """
    lines = ["curl --globoff --path-as-is --request POST"]
    for name, value in headers:
        if name.lower() not in _OWN:
            lines.append(f"--header {shlex.quote(f'{name}: {MASK if value is None else value}')}")
    lines += [f"--data-binary {shlex.quote(body)}", f"--url {shlex.quote(url)}"]
    return " \\\n  ".join(lines)
