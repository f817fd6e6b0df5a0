"""How often the operations may be called that everybody who waits would like to call.

Requests a second, and so many at once, of an account (Amazon Connect administrator guide, "Amazon Connect
service quotas"). The others' quotas are not emulated.
"""

import threading
import time
from collections.abc import Callable, Mapping

from local.emulator.aws_service import AwsError

QUOTAS: Mapping[str, tuple[float, float]] = {
    "GetContactMetrics": (2, 5),
    "GetCurrentMetricData": (5, 8),
    "GetEffectiveHoursOfOperations": (2, 5),
}


class RequestQuotas:
    """A token bucket for each operation; `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left = {operation: (burst, clock()) for operation, (_, burst) in QUOTAS.items()}
        self._lock = threading.Lock()

    def take(self, operation: str) -> None:
        """One request; AwsError where there were too many."""
        rate, burst = QUOTAS[operation]
        with self._lock:
            left, then = self._left[operation]
            now = self._clock()
            left = min(burst, left + (now - then) * rate)
            self._left[operation] = max(0, left - 1) if left >= 1 else left, now
        if left < 1:
            raise AwsError("ThrottlingException", f"{operation}: rate exceeded.", status=429)
