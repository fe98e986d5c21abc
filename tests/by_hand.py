"""Threads that the test is: work is done when it says so, and done with when it says so."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class ByHand(ThreadPoolExecutor):
    """Keeps what the loop gives it: the test does the work, and then tells the loop."""

    def __init__(self) -> None:
        super().__init__(1)
        self.given: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **more: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        self.given.append((future, lambda: fn(*args, **more)))
        return future
