"""Does in a fresh process what Lambda's runtime does: imports a handler, hands it events, and times that.

Run by a bare interpreter, so the standard library is all it may import. Reads what to do as JSON, which
`bench.measure` writes, from standard input; the last line that it prints is a `bench.measure.Sample` as JSON.
"""

import decimal  # noqa: F401 - these four, beside the rest, Lambda's runtime has imported before the handler
import http.client  # noqa: F401
import importlib.util
import json
import logging  # noqa: F401
import resource
import sys
import time
import traceback  # noqa: F401
from pathlib import Path
from typing import Any


class LambdaContext:
    """What the runtime passes beside the event."""

    function_name = "function"
    function_version = "1"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-2:111122223333:function:function:live"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """Enough."""
        return 20_000


class ThisMachines:
    """Finds extension modules that were compiled for this machine; those in the assets are for Lambda's
    processor. All else comes from the assets.
    """

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> Any:
        """For `sys.meta_path`."""
        if name not in self._files:
            return None
        return importlib.util.spec_from_file_location(name, self._files[name])


def main(job: dict[str, Any]) -> None:
    """Prints CPU times in milliseconds (all threads, user and system) and memory in MB."""
    sys.path[:0] = job["paths"]
    if job["extension_modules"]:
        sys.meta_path.insert(0, ThisMachines(job["extension_modules"]))
    module, _, function = job["handler"].rpartition(".")
    handler = getattr(importlib.import_module(module), function)
    # Counts from the start of the process, that of the interpreter included.
    initialized = _cpu()

    def call() -> None:
        answer = json.loads(json.dumps(handler(json.loads(job["event"]), LambdaContext())))
        if not job["expected"].items() <= answer.items():
            sys.exit(f"{job['handler']} answered {answer}")

    call()
    cold = _cpu()
    warm = []
    for _ in range(job["warm_calls"]):
        before = _cpu()
        call()
        warm.append(_cpu() - before)
    print(json.dumps({"init": initialized, "cold": cold, "warm": warm, "peak_mb": _peak_mb()}))


def _cpu() -> float:
    return time.process_time_ns() / 1e6


def _peak_mb() -> float:
    """The most memory that was resident. Linux's `ru_maxrss` is no use: it begins with the parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS: bytes


main(json.load(sys.stdin))
