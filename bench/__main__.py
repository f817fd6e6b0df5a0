"""`make bench`: the numbers of this project that must hold, measured beside what one would use instead.

Prints a table, writes `build/bench.json`, and fails when a number does not hold. docs/performance.md says how
each is measured.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from bench.contenders import contenders, zipped_bytes
from bench.measure import measure
from bench.report import Report
from bench.synth import time_synth

_ROUNDS = 21
_WARM_CALLS = 60  # of each process
_SYNTH_ROUNDS = 5

_CHECKOUT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Ends with status 1 when a number does not hold."""
    ours, rivals = contenders(_CHECKOUT)
    everyone = [*ours, *rivals]
    console = Console(width=None if sys.stdout.isatty() else 132)
    with Progress(console=console, transient=True) as progress:
        steps = progress.add_task("measuring", total=len(everyone) * (_ROUNDS + 1) + 2 * _SYNTH_ROUNDS)

        def advance() -> None:
            progress.advance(steps)

        measured = measure(_CHECKOUT, everyone, rounds=_ROUNDS, warm_calls=_WARM_CALLS, progress=advance)
        synth = time_synth(_CHECKOUT, rounds=_SYNTH_ROUNDS, progress=advance)
    layer = ours[0].paths[1]
    report = Report(
        ours=measured[: len(ours)],
        rivals=measured[len(ours) :],
        assets=zipped_bytes(layer) + sum(zipped_bytes(each.paths[0]) for each in ours),
        synth=synth,
    )
    report.print(console)
    results = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"architecture": platform.machine(), "system": platform.system(), "cores": os.cpu_count()},
        **report.as_json(),
    }
    target = _CHECKOUT / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(results, indent=1), encoding="utf-8")
    sys.exit(1 if report.broken() else 0)


if __name__ == "__main__":
    main()
