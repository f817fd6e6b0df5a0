"""What a run found, for people and for machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measure import Measurement, Ratio, Sample
from bench.synth import Synthesis

_WRITES = {"BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"}
_SYNTH_ALLOWANCE = 1.0  # seconds
# It has no rival: neither the guide's handler nor the Powertools version looks at a token.
_WITHOUT_RIVAL = {"authorizer"}

_RATIOS: Sequence[tuple[str, str, Callable[[Sample], float]]] = (
    ("cold x guide", "guide", lambda sample: sample.cold),
    ("cold x pt", "powertools", lambda sample: sample.cold),
    ("warm x pt", "powertools", lambda sample: sample.one_warm),
    ("peak x guide", "guide", lambda sample: sample.peak_mb),
)
# Of these ratios, how large each of a function may be.
_LARGEST_RATIOS: Sequence[tuple[str, str, float]] = (
    ("cold x guide", "start_call", 0.75),
    ("cold x guide", "call_control", 0.75),
    ("cold x guide", "contact_events", 0.75),
    ("cold x guide", "caller_context", 0.60),
    ("cold x pt", "start_call", 0.45),
    ("warm x pt", "start_call", 0.80),
    ("peak x guide", "start_call", 1.00),
)
_LARGEST_ASSETS = 6.0  # MB, zipped
_LARGEST_SYNTH_RATIO = 1.5  # of an empty app, beside the allowance
_TIMES = ("init ms", "first", "warm p50", "p99", "peak MB", "zip MB", "AWS calls")


@dataclass(frozen=True)
class Number:
    """One that must hold."""

    what: str
    measured: float
    largest: float

    @property
    def holds(self) -> bool:
        """Whether it is no larger than it may be."""
        return self.measured <= self.largest


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole run."""

    ours: Sequence[Measurement]
    rivals: Sequence[Measurement]
    assets: int
    """Zipped bytes of the layer and all functions' assets, but for the authorizer's."""
    authorizers_asset: int
    synth: dict[str, list[Synthesis]]
    """See `time_synth`."""
    test_seconds: float | None
    """What the last `make test` took, if it left that behind."""

    def print(self, console: Console) -> None:
        """Prints the table, and whether each number holds."""
        table = Table(title="Ratios of the same rounds (pt: powertools). Times are CPU, in ms.")
        table.add_column("", no_wrap=True)
        for heading in (*(name for name, _, _ in _RATIOS), *_TIMES):
            table.add_column(heading, justify="right", no_wrap=True)
        for measurement in (*self.ours, *self.rivals):
            table.add_row(
                measurement.contender.name,
                *(_ratio(self._ratios(measurement).get(name)) for name, _, _ in _RATIOS),
                f"{measurement.init_ms:.0f}",
                f"{measurement.first_ms:.0f}",
                f"{measurement.warm_ms(50):.2f}",
                f"{measurement.warm_ms(99):.2f}",
                f"{measurement.peak_mb:.0f}",
                f"{measurement.zipped / 1e6:.2f}",
                _calls(measurement),
                end_section=measurement is self.ours[-1],
            )
        console.print(table)
        console.print(
            f"start_call asks AWS: {', '.join(self._start_call.aws_calls)}; "
            f"once a process: {', '.join(self._start_call.aws_calls_once)}\n"
            f"the authorizer's asset: {self.authorizers_asset / 1e6:.1f} MB zipped",
            highlight=False,
        )
        self._print_synth(console)
        if self.test_seconds is not None:
            console.print(f"the last `make test` took {self.test_seconds:.0f} s", highlight=False)
        for number in self.numbers():
            word, style = ("holds", "green") if number.holds else ("DOES NOT HOLD", "red")
            console.print(
                f"{word}: {number.what}: {number.measured:.2f} of {number.largest:.2f}",
                style=style,
                highlight=False,
            )

    def _print_synth(self, console: Console) -> None:
        table = Table(title="Synth")
        table.add_column("", no_wrap=True)
        for heading in ("CPU x empty", "CPU s", "clock s"):
            table.add_column(heading, justify="right", no_wrap=True)
        for what, taken in self.synth.items():
            table.add_row(
                what,
                f"{self._synth_cpu(what) / self._synth_cpu('empty'):.2f}",
                f"{self._synth_cpu(what):.1f}",
                f"{min(each.clock for each in taken):.1f}",
            )
        console.print(table)

    def numbers(self) -> list[Number]:
        """All that must hold."""
        found = [
            Number(f"{name} of {function}", self._ratios(self._of_ours(function))[name].median, largest)
            for name, function, largest in _LARGEST_RATIOS
        ]
        calls = self._start_call.aws_calls
        connect = calls.index("StartWebRTCContact")
        for when, part in (("before", calls[:connect]), ("after", calls[connect:])):
            writes = sum(call in _WRITES for call in part)
            found.append(Number(f"start_call's table writes {when} StartWebRTCContact", writes, 1))
        allowed = _LARGEST_SYNTH_RATIO * self._synth_cpu("empty") + _SYNTH_ALLOWANCE
        return [
            *found,
            Number("all own assets but the authorizer's, MB zipped", self.assets / 1e6, _LARGEST_ASSETS),
            Number("synth of all stacks without validation, s of CPU", self._synth_cpu("local"), allowed),
        ]

    def as_json(self) -> dict[str, Any]:
        """Medians, spreads and every sample; units are in the names, sizes are bytes."""
        return {
            "numbers": [{**asdict(number), "holds": number.holds} for number in self.numbers()],
            "assets_bytes": self.assets,
            "authorizers_asset_bytes": self.authorizers_asset,
            "synth_seconds": {what: [asdict(each) for each in taken] for what, taken in self.synth.items()},
            "test_seconds": self.test_seconds,
            "functions": {
                measurement.contender.name: {
                    "ratios": {name: asdict(ratio) for name, ratio in self._ratios(measurement).items()},
                    "init_cpu_ms": measurement.init_ms,
                    "first_cpu_ms": measurement.first_ms,
                    "warm_cpu_ms": {"p50": measurement.warm_ms(50), "p99": measurement.warm_ms(99)},
                    "peak_mb": measurement.peak_mb,
                    "zipped_bytes": measurement.zipped,
                    "aws_calls": measurement.aws_calls,
                    "aws_calls_once": measurement.aws_calls_once,
                    "samples": [asdict(sample) for sample in measurement.samples],
                }
                for measurement in (*self.ours, *self.rivals)
            },
        }

    def _ratios(self, measurement: Measurement) -> dict[str, Ratio]:
        """By name; none of what has no rival."""
        if measurement.contender.name in _WITHOUT_RIVAL:
            return {}
        return {name: Ratio.of(measurement, self._rival(rival), what) for name, rival, what in _RATIOS}

    def _synth_cpu(self, what: str) -> float:
        """The least: whatever else runs can only add."""
        return min(each.cpu for each in self.synth[what])

    @property
    def _start_call(self) -> Measurement:
        return self._of_ours("start_call")

    def _of_ours(self, name: str) -> Measurement:
        (found,) = (each for each in self.ours if each.contender.name == name)
        return found

    def _rival(self, name: str) -> Measurement:
        (found,) = (each for each in self.rivals if each.contender.name == name)
        return found


def _ratio(ratio: Ratio | None) -> str:
    if ratio is None:
        return "-"
    return f"{ratio.median:.2f} ±{(ratio.high - ratio.low) / 2:.2f}"


def _calls(measurement: Measurement) -> str:
    once = len(measurement.aws_calls_once)
    return f"{len(measurement.aws_calls)} + {once} once" if once else str(len(measurement.aws_calls))
