"""The operator's switch: whether calls are taken at all."""

from collections.abc import Callable
from typing import Any

from runtime import aws
from runtime.errors import AnswerIncomplete, ServiceError
from runtime.telemetry import traced

from calls.errors import CallingStopped

READ_EVERY_SECONDS = 5
"""How long one reading is used: after a change, calls go on being started for no longer."""
GOOD_FOR_SECONDS = 60
"""How long the last reading is used while the parameter cannot be read."""

ON = "on"


class Switch:
    """An SSM parameter. Any value but "on" stops new calls, and so does one that cannot be read."""

    def __init__(self, client: Any, parameter: str, now: Callable[[], int]) -> None:
        """`client` is a botocore client of SSM, `parameter` a name; `now` returns the time in
        milliseconds."""
        self._client = client
        self._parameter = parameter
        self._now = now
        self._is_on = False
        self._read_again_at = 0
        self._good_until = 0

    def check(self) -> None:
        """Raises `CallingStopped` when calls are switched off.

        Raises `CapacityReached`, `Unavailable`, `TimedOut`, `AnswerIncomplete` or `ConfigurationFault` when
        that is not known.
        """
        now = self._now()
        if self._read_again_at <= now:
            try:
                self._is_on = self._read() == ON
                self._good_until = now + GOOD_FOR_SECONDS * 1000
            except ServiceError:
                # Counted and logged where it is raised.
                if self._good_until <= now:
                    raise
            self._read_again_at = now + READ_EVERY_SECONDS * 1000
        if not self._is_on:
            raise CallingStopped

    @traced
    def _read(self) -> str:
        answer = aws.call(self._client, "GetParameter", Name=self._parameter)
        value = (answer.get("Parameter") or {}).get("Value")
        if not isinstance(value, str):
            raise AnswerIncomplete("Whether calls are taken is not known. Try again.")
        return value
