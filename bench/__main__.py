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

from bench.contenders import contenders, own_assets
from bench.measure import measure
from bench.report import Report
from bench.synth import time_synth

_ROUNDS = 13
_WARM_CALLS = 40  # of each process
_SYNTH_ROUNDS = 3

_CHECKOUT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Ends with status 1 when a number does not hold."""
    ours, rivals = contenders(_CHECKOUT)
    everyone = [*ours, *rivals]
    console = Console(width=None if sys.stdout.isatty() else 150)
    with Progress(console=console, transient=True) as progress:
        steps = progress.add_task("measuring", total=len(everyone) * (_ROUNDS + 1) + 3 * _SYNTH_ROUNDS + 2)

        def advance() -> None:
            progress.advance(steps)

        measured = measure(_CHECKOUT, everyone, rounds=_ROUNDS, warm_calls=_WARM_CALLS, progress=advance)
        synth = time_synth(_CHECKOUT, rounds=_SYNTH_ROUNDS, progress=advance)
    assets, authorizers_asset = own_assets(_CHECKOUT)
    report = Report(
        ours=measured[: len(ours)],
        rivals=measured[len(ours) :],
        assets=assets,
        authorizers_asset=authorizers_asset,
        synth=synth,
        test_seconds=_test_seconds(),
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
    sys.exit(0 if all(number.holds for number in report.numbers()) else 1)


def _test_seconds() -> float | None:
    """What the last `make test` took, if it has left that behind."""
    left = _CHECKOUT / "build" / "test-seconds.json"
    return float(json.loads(left.read_text(encoding="utf-8"))["seconds"]) if left.exists() else None


if __name__ == "__main__":
    main()
