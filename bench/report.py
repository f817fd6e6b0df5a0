"""What a run found, for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measure import Measurement, Ratio

_LARGEST_COLD_RATIO = 0.75  # of the guide's handler
_LARGEST_ASSETS = 6_000_000  # bytes, zipped
_LARGEST_SYNTH_RATIO, _SYNTH_ALLOWANCE = 1.5, 1.0  # of an empty app, and seconds on top
_WRITES = {"BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"}

_COLUMNS = (
    "x guide",
    "x powertools",
    "cold ms",
    "init ms",
    "warm p50 ms",
    "p99 ms",
    "peak MB",
    "zip MB",
    "AWS calls",
)


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole run."""

    ours: Sequence[Measurement]
    rivals: Sequence[Measurement]
    assets: int
    """Bytes of the layer and every function's asset, each zipped."""
    synth: dict[str, list[float]]
    """Seconds of each synthesis, of `local` and of `empty`."""

    def print(self, console: Console) -> None:
        """Prints the table, and what does not hold."""
        table = Table(title="Times are CPU. Ratios are of cold starts, with the middle half of the rounds.")
        table.add_column("")
        for heading in _COLUMNS:
            table.add_column(heading, justify="right", no_wrap=True)
        for measurement in (*self.ours, *self.rivals):
            table.add_row(
                measurement.contender.name,
                *(_ratio(Ratio.of(measurement, self._rival(rival))) for rival in ("guide", "powertools")),
                f"{measurement.cold_ms:.0f}",
                f"{measurement.init_ms:.0f}",
                f"{measurement.warm_ms(50):.2f}",
                f"{measurement.warm_ms(99):.2f}",
                f"{measurement.peak_mb:.0f}",
                f"{measurement.zipped / 1e6:.2f}",
                str(len(measurement.aws_calls)),
                end_section=measurement is self.ours[-1],
            )
        console.print(table)
        local, empty = self._synth_seconds()
        console.print(
            f"start_call asks AWS: {', '.join(self._start_call.aws_calls)}\n"
            f"all own assets together: {self.assets / 1e6:.2f} MB zipped\n"
            f"synth of all stacks: {local / empty:.2f} x an empty app "
            f"(fastest {local:.1f} s and {empty:.1f} s, "
            f"slowest {max(self.synth['local']):.1f} s and {max(self.synth['empty']):.1f} s)",
            highlight=False,
        )
        for broken in self.broken():
            console.print(f"does not hold: {broken}", style="red", highlight=False)

    def broken(self) -> list[str]:
        """The numbers that must hold and do not."""
        broken = []
        for measurement in self.ours:
            ratio = Ratio.of(measurement, self._rival("guide")).median
            if ratio > _LARGEST_COLD_RATIO:
                broken.append(
                    f"cold start of {measurement.contender.name} is {ratio:.2f} x the guide's, "
                    f"allowed are {_LARGEST_COLD_RATIO}"
                )
        calls = self._start_call.aws_calls
        connect = calls.index("StartWebRTCContact")
        writes = [sum(call in _WRITES for call in part) for part in (calls[:connect], calls[connect:])]
        if writes != [1, 1]:
            broken.append(
                f"start_call writes {writes[0]} x before Connect and {writes[1]} x after, not 1 and 1"
            )
        if self.assets >= _LARGEST_ASSETS:
            broken.append(f"all own assets: {self.assets:,} bytes, allowed are under {_LARGEST_ASSETS:,}")
        local, empty = self._synth_seconds()
        allowed = _LARGEST_SYNTH_RATIO * empty + _SYNTH_ALLOWANCE
        if local > allowed:
            broken.append(f"synth of all stacks takes {local:.1f} s, allowed are {allowed:.1f} s")
        return broken

    def as_json(self) -> dict[str, Any]:
        """Medians, spreads and every sample; units are in the names, sizes are bytes."""
        local, empty = self._synth_seconds()
        return {
            "broken": self.broken(),
            "assets_bytes": self.assets,
            "synth": {"ratio": local / empty, "seconds": self.synth},
            "functions": {
                measurement.contender.name: {
                    "x_guide": asdict(Ratio.of(measurement, self._rival("guide"))),
                    "x_powertools": asdict(Ratio.of(measurement, self._rival("powertools"))),
                    "cold_cpu_ms": measurement.cold_ms,
                    "init_cpu_ms": measurement.init_ms,
                    "warm_cpu_ms": {"p50": measurement.warm_ms(50), "p99": measurement.warm_ms(99)},
                    "peak_mb": measurement.peak_mb,
                    "zipped_bytes": measurement.zipped,
                    "aws_calls": measurement.aws_calls,
                    "samples": [asdict(sample) for sample in measurement.samples],
                }
                for measurement in (*self.ours, *self.rivals)
            },
        }

    @property
    def _start_call(self) -> Measurement:
        (found,) = (each for each in self.ours if each.contender.name == "start_call")
        return found

    def _rival(self, name: str) -> Measurement:
        (found,) = (each for each in self.rivals if each.contender.name == name)
        return found

    def _synth_seconds(self) -> tuple[float, float]:
        """The fastest of all stacks and of the empty app: on the clock, whatever else runs can only add."""
        return min(self.synth["local"]), min(self.synth["empty"])


def _ratio(ratio: Ratio) -> str:
    return f"{ratio.median:.2f} [{ratio.low:.2f} {ratio.high:.2f}]".replace("[", r"\[")
