"""Runs a handler under Lambda's runtime interface client (awslambdaric), and notes the CPU time between its
invocations.

Run by a bare interpreter. Reads what to do as JSON, which `bench.measure` writes, from standard input; the
last line that it prints is a `bench.measure.Sample` as JSON.
"""

import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from typing import Any


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
    sys.path[:0] = [*job["paths"], job["runtime"]]
    if job["extension_modules"]:
        sys.meta_path.insert(0, ThisMachines(job["extension_modules"]))

    from awslambdaric import bootstrap  # noqa: PLC0415 - from where the job says
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient  # noqa: PLC0415

    class Client(LambdaRuntimeClient):  # type: ignore[misc] # it has no types
        """Ends the process when it is asked for one invocation more than the job has."""

        def __init__(self, address: str) -> None:
            super().__init__(address)
            # From the start of the process: at the end of the init, and of each invocation.
            self.spent: list[float] = []

        def wait_next_invocation(self) -> Any:
            self.spent.append(time.process_time_ns() / 1e6)
            if len(self.spent) > job["invocations"]:
                init, cold, *later = self.spent
                warm = [after - before for before, after in zip([cold, *later], later, strict=False)]
                print(json.dumps({"init": init, "cold": cold, "warm": warm, "peak_mb": _peak_mb()}))
                sys.exit(0)
            return super().wait_next_invocation()

    bootstrap.run(job["handler"], Client(os.environ["AWS_LAMBDA_RUNTIME_API"]))


def _peak_mb() -> float:
    """The most memory that was resident. Linux's `ru_maxrss` is no use: it begins with the parent's."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


main(json.load(sys.stdin))
