"""Telling who follows the feed live that there is more of it, or that the server is about to stop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from tocsin.store.database import News


class Commits:
    """Tells listeners of commits that added to the feed. While nobody listens it costs a look at an empty tuple."""

    def __init__(self) -> None:
        self.listeners: tuple[Callable[[], None], ...] = ()
        """Those who follow."""
        self._at_stop: list[Callable[[], None]] = []
        self._lock = Lock()

    def heed(self, news: News) -> None:
        """Tell of a commit of this process. For use on the writer's thread."""
        if self.listeners and news.feed:
            self.tell()

    def tell(self) -> None:
        """Tell that the feed may have grown. Safe from any thread."""
        for listener in self.listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener`, on any thread, when the feed may have grown, until `forget`."""
        with self._lock:
            self.listeners = (*self.listeners, listener)

    def forget(self, listener: Callable[[], None]) -> None:
        with self._lock:
            self.listeners = tuple(each for each in self.listeners if each != listener)

    def at_stop(self, end: Callable[[], None]) -> None:
        """Call `end`, on the loop, when the server begins to stop: answers that never end must end now."""
        self._at_stop.append(end)

    @contextmanager
    def until_stop(self) -> Iterator[None]:
        """The server does not stop while the block lasts."""
        try:
            yield
        finally:
            for end in self._at_stop:
                end()
