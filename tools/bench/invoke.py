"""Runs a handler under Lambda's runtime interface client (awslambdaric), and notes the CPU time between its
invocations.

Run by a bare interpreter. Reads what to do as JSON, which `tools.bench.measure` writes, from standard input;
the last line that it prints is a `tools.bench.measure.Sample` as JSON.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def main(job: dict[str, Any]) -> None:
    """Prints CPU times in milliseconds (all threads, user and system) and memory in MB."""
    sys.path[:0] = [*job["paths"], job["runtime"]]

    from awslambdaric import bootstrap  # noqa: PLC0415 - from where the job says
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient  # noqa: PLC0415

    class Client(LambdaRuntimeClient):  # type: ignore[misc] # it has no types
        """Ends the process when the runtime wants one invocation more than the job has."""

        def __init__(self, address: str) -> None:
            super().__init__(address)
            # From the start of the process: at the end of the import, and of each invocation.
            self.spent: list[float] = []

        def wait_next_invocation(self) -> Any:
            self.spent.append(time.process_time_ns() / 1e6)
            if len(self.spent) > job["invocations"]:
                _, cold, *later = self.spent
                warm = [after - before for before, after in zip([cold, *later], later, strict=False)]
                print(json.dumps({"cold": cold, "warm": warm, "peak_mb": _peak_mb()}))
                sys.exit(0)
            return super().wait_next_invocation()

    bootstrap.run(job["handler"], Client(os.environ["AWS_LAMBDA_RUNTIME_API"]))


def _peak_mb() -> float:
    """The most memory that was resident. Linux's `ru_maxrss` is no use: it begins with the parent's."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


main(json.load(sys.stdin))
