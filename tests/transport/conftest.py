"""Runs the `async` tests of this folder, each on both event loops that Tocsin works on."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, cast

import pytest
import uvloop

LONGEST_TEST_SECONDS = 20

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if inspect.iscoroutinefunction(metafunc.function):
        metafunc.fixturenames.append("loop_factory")
        loops = [asyncio.new_event_loop, uvloop.new_event_loop]
        metafunc.parametrize("loop_factory", loops, ids=["asyncio", "uvloop"])


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    given = pyfuncitem.funcargs
    arguments = {name: given[name] for name in inspect.signature(test).parameters}

    async def limited() -> None:
        mistakes: list[dict[str, Any]] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: mistakes.append(context))
        async with asyncio.timeout(LONGEST_TEST_SECONDS):
            await test(**arguments)
        assert not mistakes, "a callback raised, which a loop would only log"

    loop_factory = cast(LoopFactory, pyfuncitem.callspec.params["loop_factory"])
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(limited())
    return True
