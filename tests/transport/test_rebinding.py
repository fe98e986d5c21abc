"""A name that changes its mind: only what was checked is ever connected to."""

import asyncio
import socket
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.transport.directory import NAME, Directory
from tests.transport.servers import Conversation, free_port, receiving, sending

from tocsin.domain.network import Networks
from tocsin.domain.outcome import Outcome
from tocsin.transport.resolve import Resolver

ALLOWED = ("127.0.0.2", "127.0.0.3")
FORBIDDEN = ("127.0.0.4", "::ffff:127.0.0.4")
LISTED = Networks.parse(",".join(ALLOWED))


async def test_a_name_cannot_change_between_check_and_connect() -> None:
    """DNS rebinding: what was judged is what is dialled, because nobody asks a second time."""
    directory = Directory(("127.0.0.2",), ("127.0.0.1",))
    async with (
        receiving(Conversation.answer_all) as inside,
        receiving(Conversation.answer_all, host="127.0.0.2", port=inside.port) as receiver,
        sending(resolver=Resolver(directory), networks=LISTED) as sender,
    ):
        answer = await sender.send(receiver.exchange(host=NAME))
    assert answer.outcome is Outcome.DELIVERED
    assert (inside.accepted, receiver.accepted) == (0, 1)
    assert directory.questions == [NAME]


async def test_a_name_that_changes_between_attempts_is_judged_anew() -> None:
    """The answer of a moment ago opens nothing to the present one."""
    directory = Directory(("127.0.0.2",), ("127.0.0.1",))
    resolver = Resolver(directory)
    async with (
        receiving(Conversation.answer_all) as inside,
        receiving(Conversation.answer_all, host="127.0.0.2", port=inside.port) as receiver,
        sending(resolver=resolver, networks=LISTED) as sender,
    ):
        first = await sender.send(receiver.exchange(host=NAME))
        resolver._remembered.clear()  # as it is after some seconds
        second = await sender.send(receiver.exchange(host=NAME, is_fresh=True))
    assert (first.outcome, second.outcome) == (Outcome.DELIVERED, Outcome.ADDRESS_REFUSED)
    assert (inside.accepted, receiver.accepted) == (0, 1)
    assert directory.questions == [NAME, NAME]


async def test_the_systems_resolver_is_not_asked_on_the_way_to_the_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the connection is made with, it gets an address, and nothing that could be looked up."""
    asked: list[Any] = []
    system = socket.getaddrinfo

    def hostile(host: Any, *rest: Any, **more: Any) -> Any:
        asked.append(host)
        if host != NAME:
            return system(host, *rest, **more)
        numeric = more.get("flags", 0) & socket.AI_NUMERICHOST
        if numeric:
            raise socket.gaierror(socket.EAI_NONAME, "a name is no address")
        is_first = asked.count(NAME) == 2  # the first question was whether it is an address
        return system("127.0.0.2" if is_first else "127.0.0.1", *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", hostile)
    async with (
        receiving(Conversation.answer_all) as inside,
        receiving(Conversation.answer_all, host="127.0.0.2", port=inside.port) as receiver,
        sending(networks=LISTED) as sender,
    ):
        asked.clear()
        answer = await sender.send(receiver.exchange(host=NAME))
    assert (answer.outcome, answer.address) == (Outcome.DELIVERED, "127.0.0.2")
    assert (inside.accepted, receiver.accepted) == (0, 1)
    assert asked.count(NAME) == 2


answers_of_a_name_server = st.lists(
    st.lists(st.sampled_from(ALLOWED + FORBIDDEN), max_size=3).map(tuple), min_size=1, max_size=6
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers=answers_of_a_name_server)
def test_no_sequence_of_answers_reaches_what_is_not_listed(answers: list[tuple[str, ...]]) -> None:
    """Every attempt ends at an address that it was allowed to reach, or nowhere."""
    asyncio.run(attempts(answers))


async def attempts(answers: list[tuple[str, ...]]) -> None:
    port = free_port()
    async with AsyncExitStack() as stack:
        outside = [
            await stack.enter_async_context(
                receiving(Conversation.answer_all, host=host, port=port)
            )
            for host in ALLOWED
        ]
        inside = await stack.enter_async_context(
            receiving(Conversation.answer_all, host="127.0.0.4", port=port)
        )
        resolver = Resolver(Directory(*answers))
        sender = await stack.enter_async_context(sending(resolver=resolver, networks=LISTED))
        for answer in answers:
            resolver._remembered.clear()
            sent = await sender.send(inside.exchange(host=NAME, is_fresh=True))
            reachable = [ip for ip in answer if ip in ALLOWED]
            assert sent.outcome.is_delivered == bool(reachable)
            assert sent.address in (reachable or [""])
        assert inside.accepted == 0
        assert sum(each.accepted for each in outside) == sum(
            any(ip in ALLOWED for ip in answer) for answer in answers
        )
