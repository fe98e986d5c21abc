"""What a connection knows of whoever keeps it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from tocsin.transport.exchange import Answer

if TYPE_CHECKING:
    from tocsin.transport.connection import Connection

AnswerCallback = Callable[[Answer], None]


class Keeper(Protocol):
    """Who owns connections, and hears what becomes of them."""

    def keep(self, connection: "Connection") -> bool:
        """Take a connection that is ready for another exchange; False if there is no room."""

    def discard(self, connection: "Connection") -> None:
        """Stop offering a connection: it is ending."""

    def watch(self, deadline: int) -> None:
        """A connection's deadline has moved to this instant."""

    def forget(self, connection: "Connection") -> None:
        """The connection has ended, and its socket is gone."""
