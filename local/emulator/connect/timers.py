"""What Amazon Connect does after some time, on a clock that can be put forward."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable


class Timers:
    """Runs work when it is due: in a thread of its own, or in that of whoever puts the clock forward."""

    def __init__(self) -> None:
        self._ahead = 0.0  # seconds that the clock was put forward
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()  # so that two of one time need not be compared further
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def after(self, seconds: float, work: Callable[[], None]) -> None:
        """Do this once, so many seconds from now."""
        with self._changed:
            heapq.heappush(self._due, (self._now() + seconds, next(self._numbers), work))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="connect-timers", daemon=True)
                self._thread.start()
            self._changed.notify()

    def put_forward(self, seconds: float) -> None:
        """Let so many seconds pass at once; what they make due is done when this returns."""
        with self._changed:
            self._ahead += seconds
        while work := self._take():
            work()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._due or self._due[0][0] > self._now():
                    self._changed.wait(self._due[0][0] - self._now() if self._due else None)
            if work := self._take():
                work()

    def _take(self) -> Callable[[], None] | None:
        with self._changed:
            if self._due and self._due[0][0] <= self._now():
                return heapq.heappop(self._due)[2]
            return None

    def _now(self) -> float:
        return time.monotonic() + self._ahead
