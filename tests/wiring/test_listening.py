"""The socket that a server listens on: refused in a sentence that names the setting."""

import socket

import pytest

from tocsin.settings import Listen
from tocsin.wiring.listening import AddressInUse, AddressNotOurs, inherited, listening


def test_a_port_that_is_none_is_refused() -> None:
    """So it may be of the last of several processes, whose ports follow one another."""
    at = Listen("127.0.0.1", 65535).after(1)
    with (
        pytest.raises(AddressNotOurs, match="TOCSIN_PROBES_LISTEN"),
        listening(at, setting="TOCSIN_PROBES_LISTEN"),
    ):
        pass


def test_any_free_port_stays_that() -> None:
    """Each process finds its own."""
    assert Listen("127.0.0.1", 0).after(3) == Listen("127.0.0.1", 0)


def test_an_inherited_socket_is_the_one_that_was_opened() -> None:
    """It listens at the same address, for as long as either is open."""
    with listening(Listen("127.0.0.1", 0)) as ours:
        address = ours.getsockname()
        with inherited(socket.dup(ours.fileno())) as theirs:
            assert theirs.getsockname() == address
        with pytest.raises(AddressInUse), listening(Listen(*address)):
            pass
