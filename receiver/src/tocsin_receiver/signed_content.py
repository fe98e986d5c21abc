"""What may be signed, as pieces that know where they come from."""

from __future__ import annotations

from typing import NamedTuple

from tocsin_receiver.fields import signing_order

Pairs = list[tuple[str, str]]


class Piece(NamedTuple):
    """Some bytes of the signed text: where they come from, and the field that they belong to."""

    origin: str
    field: str
    data: bytes


class Form(NamedTuple):
    """Names and values, one after the other in the order given."""

    pairs: Pairs
    encoding: str = "utf-8"

    def message(self) -> bytes:
        return "".join([text for pair in self.pairs for text in pair]).encode(self.encoding)

    def pieces(self) -> list[Piece]:
        return [
            Piece(origin, name, text.encode(self.encoding))
            for name, value in self.pairs
            for origin, text in (("name", name), ("value", value))
        ]


class Bytes(NamedTuple):
    """Bytes of one origin."""

    origin: str
    data: bytes

    def message(self) -> bytes:
        return self.data

    def pieces(self) -> list[Piece]:
        return [Piece(self.origin, "", self.data)]


class StandardHead(NamedTuple):
    """What Standard Webhooks sign before the body. Units: `timestamp` is Unix seconds, in digits."""

    message_id: str
    timestamp: str

    def message(self) -> bytes:
        return f"{self.message_id}.{self.timestamp}.".encode()

    def pieces(self) -> list[Piece]:
        dot = Piece("delimiter", "", b".")
        message_id = Piece("id", "", self.message_id.encode())
        return [message_id, dot, Piece("timestamp", "", self.timestamp.encode()), dot]


def sorted_form(fields: dict[str, str]) -> Form:
    """Return the fields in the order in which they are signed."""
    return Form([(name, fields[name]) for name in signing_order(fields)])
