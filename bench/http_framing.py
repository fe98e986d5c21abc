"""As little HTTP as both ends of a benchmark need: heads end in an empty line, lengths are given."""

from collections.abc import Iterator

_LENGTH = b"content-length:"


class Messages:
    """Cuts a stream of bytes into whole messages, requests or answers."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield each message that is whole by now."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            total = end + 4 + _length(self._buffer[:end].lower())
            if len(self._buffer) < total:
                return
            message, self._buffer = self._buffer[:total], self._buffer[total:]
            yield message


def _length(head: bytes) -> int:
    at = head.find(_LENGTH)
    if at < 0:
        return 0
    return int(head[at + len(_LENGTH) :].split(b"\r", 1)[0])
