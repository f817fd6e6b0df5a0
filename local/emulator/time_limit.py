"""Waits for work that may take too long, and leaves it alone then, as AWS does with functions."""

import threading
from collections.abc import Callable


def within(seconds: float, work: Callable[[], object]) -> object:
    """The result of the work, or TimeoutError after so many seconds; the work runs on, as a function does."""
    outcome: list[tuple[object, BaseException | None]] = []

    def do() -> None:
        try:
            outcome.append((work(), None))
        except Exception as error:  # noqa: BLE001 raised again in the thread that waits
            outcome.append((None, error))

    thread = threading.Thread(target=do, name="time-limit", daemon=True)
    thread.start()
    thread.join(max(0.0, seconds))
    if not outcome:
        raise TimeoutError
    result, error = outcome[0]
    if error is not None:
        raise error
    return result
