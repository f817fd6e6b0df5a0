"""`make bench`: prints each promised number, writes `build/bench.json`, and fails when one does not hold.

docs/performance.md says how each is measured.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools.bench.commands import time_demo, time_synth
from tools.bench.contenders import contenders
from tools.bench.measure import DELAYS, Measurement, Waits, measure, measure_waits, ratio

_CHECKOUT = Path(__file__).resolve().parents[2]
_WRITES = {"BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"}


@dataclass(frozen=True)
class Number:
    """One that must hold."""

    what: str
    measured: float
    most: float

    @property
    def holds(self) -> bool:
        """Whether it is no more than it may be."""
        return self.measured <= self.most


def main() -> int:
    """Returns the exit status, 1 if a number does not hold."""
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print("Functions: start_call, the guide's handler, the Powertools version, caller_context …")
    compared = contenders(_CHECKOUT)
    measured = measure(_CHECKOUT, compared)
    console.print("start_call where AWS takes its time …")
    waits = measure_waits(_CHECKOUT, compared[0])
    console.print("Synth of an empty app and of all stacks …")
    empty, local = time_synth(_CHECKOUT)
    console.print("make demo in a copy with nothing built, and again …")
    numbers = [*_functions(measured), _tap_to_answer(waits)]
    numbers += [Number("cdk synth, s of CPU", local, 1.5 * empty + 1), *_demo()]
    last_test = _CHECKOUT / "build" / "test-seconds.json"
    if last_test.exists():
        seconds = json.loads(last_test.read_text(encoding="utf-8"))["seconds"]
        numbers.append(Number("the last make test, s", seconds, 240))
    else:
        console.print("make test has not run in this checkout: how long it takes is not held.")
    _print(console, measured, numbers)
    taken = ", ".join(f"{name} {1000 * took:.0f} ms" for name, took in DELAYS.items())
    console.print(f"from tap to answer, where AWS takes for {taken}: {1000 * waits.switch_known:.0f} ms,")
    console.print(f"and {1000 * waits.switch_read:.0f} ms every five seconds, when the switch is read")
    _write(measured, numbers, waits)
    return 0 if all(number.holds for number in numbers) else 1


def _functions(measured: Sequence[Measurement]) -> list[Number]:
    ours, guide, powertools, caller_context = measured
    connect = ours.aws_calls.index("StartWebRTCContact")
    writes = [name in _WRITES for name in ours.aws_calls]
    return [
        Number("start_call cold / the guide's handler", ratio(ours, guide, lambda each: each.cold), 0.70),
        Number(
            "caller_context cold / the guide's", ratio(caller_context, guide, lambda each: each.cold), 0.65
        ),
        Number("start_call peak memory / the guide's", ratio(ours, guide, lambda each: each.peak_mb), 0.70),
        Number("start_call warm / Powertools", ratio(ours, powertools, lambda each: each.one_warm), 0.85),
        Number("table writes before StartWebRTCContact", sum(writes[:connect]), 1),
        Number("table writes after StartWebRTCContact", sum(writes[connect:]), 1),
    ]


def _tap_to_answer(waits: Waits) -> Number:
    one_after_the_other = 2 * DELAYS["UpdateItem"] + DELAYS["StartWebRTCContact"]
    return Number("tap to answer / what AWS takes for it", waits.switch_known / one_after_the_other, 1.25)


def _demo() -> list[Number]:
    first, again = time_demo(_CHECKOUT)
    return [Number("make demo, first, s", first, 60), Number("make demo, again, s", again, 15)]


def _print(console: Console, measured: Sequence[Measurement], numbers: Sequence[Number]) -> None:
    table = Table("", "cold CPU ms", "warm CPU ms", "peak MB", "AWS calls of a request")
    for each in measured:
        figures = (each.median(lambda sample: sample.cold), each.median(lambda sample: sample.one_warm))
        peak = each.median(lambda sample: sample.peak_mb)
        table.add_row(
            each.name, f"{figures[0]:.0f}", f"{figures[1]:.2f}", f"{peak:.0f}", ", ".join(each.aws_calls)
        )
    console.print(table)
    for number in numbers:
        word, style = ("holds", "green") if number.holds else ("DOES NOT HOLD", "red")
        console.print(f"{word}: {number.what}: {number.measured:.2f}, at most {number.most:.2f}", style=style)


def _write(measured: Sequence[Measurement], numbers: Sequence[Number], waits: Waits) -> None:
    results = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "architecture": platform.machine(),
            "system": platform.system(),
            "cores": os.cpu_count(),
        },
        "numbers": [{**asdict(number), "holds": number.holds} for number in numbers],
        "seconds from tap to answer": asdict(waits),
        "functions": {each.name: asdict(each) for each in measured},
    }
    target = _CHECKOUT / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
