"""The keys that a caller presses: for the block of the flow that waits for them, or for whoever listens."""

import threading
import time
from collections import deque

MAX_KEPT = 30  # keys that are kept before a block collects them


class Digits:
    """The keys of one contact. A block that collects them gets them first; all others have passed."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self._collects = False
        self._keeps = False
        self._passed: list[str] = []
        self._ended = False
        self._changed = threading.Condition()

    @property
    def passed(self) -> list[str]:
        """What no block collected, each press for itself."""
        with self._changed:
            return list(self._passed)

    @property
    def are_awaited(self) -> bool:
        """Whether a block collects them now."""
        with self._changed:
            return self._collects

    def keep(self, *, early: bool) -> None:
        """Keep early keys for the next block that collects some; or no longer, and forget those kept."""
        with self._changed:
            self._keeps = early
            if not early:
                self._waiting.clear()

    def press(self, keys: str) -> None:
        """The caller presses keys, one after the other."""
        with self._changed:
            if self._collects or self._keeps:
                room = MAX_KEPT - len(self._waiting) if self._keeps else len(keys)
                self._waiting.extend(keys[: max(0, room)])
                self._changed.notify_all()
            else:
                self._passed.append(keys)

    def end(self) -> None:
        """The contact has ended: nobody waits for keys any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def collect(
        self,
        most: int,
        *,
        first_within: float,
        next_within: float,
        ends_with: str = "#",
        cancels: bool = True,
    ) -> str | None:
        """Wait for keys: at most so many, up to the ending sequence, or until none comes for so many seconds.

        None where not even a first one comes. `cancels`: a * deletes what came before it. What is pressed
        beyond has passed, and what was pressed before is not waited for, unless early keys are kept.
        """
        collected = ""
        with self._changed:
            self._collects = True
            try:
                while len(collected) < most:
                    key = self._next(next_within if collected else first_within)
                    if key is None:
                        return collected or None
                    collected = "" if cancels and key == "*" else collected + key
                    if ends_with and collected.endswith(ends_with):
                        return collected.removesuffix(ends_with)
                return collected
            finally:
                self._collects = False
                if self._waiting and not self._keeps:
                    self._passed.append("".join(self._waiting))
                    self._waiting.clear()

    def _next(self, seconds: float) -> str | None:
        until = time.monotonic() + seconds
        while not self._waiting:
            left = until - time.monotonic()
            if left <= 0 or self._ended:
                return None
            self._changed.wait(left)
        return self._waiting.popleft()
