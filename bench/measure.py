"""Measures contenders, each time in a fresh process, in rounds: what disturbs the machine disturbs all."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.aws_server import AwsServer, serving
from bench.contenders import ENVIRONMENT, Contender, zipped_bytes
from bench.installed import RUNTIME, installed
from bench.runtime_api import RuntimeApi, serving_invocations

# One process takes a second; this ends one that hangs.
_LONGEST_SECONDS = 60


@dataclass(frozen=True)
class Sample:
    """One process. CPU times in ms: `init` and `cold` from the start of the process to the end of the
    import, and of the first call; `warm` of each later call. What the runtime does for a call is part of it.
    """

    init: float
    cold: float
    warm: list[float]
    peak_mb: float

    @property
    def one_warm(self) -> float:
        """Median."""
        return statistics.median(self.warm)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A contender's samples, one a round."""

    contender: Contender
    samples: list[Sample]
    zipped: int
    """Bytes of all that it imports from."""
    aws_calls: list[str]
    """The AWS operations of one request, in order."""
    aws_calls_once: list[str]
    """Those that a process asks before its first request alone."""

    @property
    def init_ms(self) -> float:
        """Median."""
        return statistics.median(sample.init for sample in self.samples)

    @property
    def first_ms(self) -> float:
        """Median of the first call alone."""
        return statistics.median(sample.cold - sample.init for sample in self.samples)

    @property
    def peak_mb(self) -> float:
        """Median."""
        return statistics.median(sample.peak_mb for sample in self.samples)

    def warm_ms(self, percent: int) -> float:
        """A percentile of the warm calls of all rounds."""
        calls = [call for sample in self.samples for call in sample.warm]
        return statistics.quantiles(calls, n=100, method="inclusive")[percent - 1]


@dataclass(frozen=True)
class Ratio:
    """The median of the rounds' ratios, and between which two the middle half of them lies."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, ours: Measurement, rival: Measurement, what: Callable[[Sample], float]) -> Ratio:
        """Of `what` the same rounds have found."""
        pairs = zip(ours.samples, rival.samples, strict=True)
        low, median, high = statistics.quantiles(what(mine) / what(theirs) for mine, theirs in pairs)
        return cls(median, low, high)


def measure(
    checkout: Path,
    contenders: Sequence[Contender],
    *,
    rounds: int,
    warm_calls: int,
    progress: Callable[[], None],
) -> list[Measurement]:
    """Measures each contender once a round, in a random order.

    A first round does not count. There each goes through a snapshot and a restore, its hooks included, and
    must answer all the same.
    """
    samples: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    aws_calls: dict[str, _AwsCalls] = {}
    with (
        tempfile.TemporaryDirectory() as directory,
        serving(Path(directory)) as server,
        serving_invocations() as runtime_api,
    ):
        for contender in contenders:
            _write_roots(Path(directory), contender)
        for round_ in range(rounds + 1):
            for contender in random.sample(contenders, len(contenders)):
                roots = {"AWS_CA_BUNDLE": f"{directory}/{contender.name}.pem"}
                environment = {**ENVIRONMENT, **contender.environment, **server.environment, **roots}
                if round_ == 0:
                    environment["AWS_LAMBDA_INITIALIZATION_TYPE"] = "snap-start"
                sample = _run(checkout, contender, environment, runtime_api, warm_calls)
                asked = _asked(contender, server, warm_calls)
                if round_ > 0:
                    samples[contender.name].append(sample)
                if aws_calls.setdefault(contender.name, asked) != asked:
                    sys.exit(f"{contender.name} asked AWS {asked}, and {aws_calls[contender.name]} before.")
                progress()
    return [
        Measurement(
            contender=contender,
            samples=samples[contender.name],
            zipped=zipped_bytes(*contender.paths),
            aws_calls=aws_calls[contender.name].of_each_request,
            aws_calls_once=aws_calls[contender.name].once,
        )
        for contender in contenders
    ]


@dataclass(frozen=True)
class _AwsCalls:
    once: list[str]
    of_each_request: list[str]


def _write_roots(directory: Path, contender: Contender) -> None:
    """What a contender trusts: the roots that it ships with botocore, as on AWS, and the local server."""
    shipped = [path.read_bytes() for folder in contender.paths for path in folder.glob("botocore/cacert.pem")]
    trusted = b"".join([*shipped, (directory / "certificate.pem").read_bytes()])
    (directory / f"{contender.name}.pem").write_bytes(trusted)


def _run(
    checkout: Path,
    contender: Contender,
    environment: dict[str, str],
    runtime_api: RuntimeApi,
    warm_calls: int,
) -> Sample:
    """What one process took. Each of its answers must be right."""
    runtime_api.event = json.dumps(contender.event).encode()
    runtime_api.answers.clear()
    job = {
        "handler": contender.handler,
        "paths": [str(path) for path in contender.paths],
        "extension_modules": _extension_modules(checkout) if contender.has_extension_modules else {},
        "runtime": str(installed(checkout) / RUNTIME),
        "invocations": 1 + warm_calls,
    }
    python = checkout / ".venv-functions" / "bin" / "python"
    done = subprocess.run(
        [python, "-I", "-B", Path(__file__).parent / "invoke.py"],
        env={**environment, "AWS_LAMBDA_RUNTIME_API": runtime_api.address},
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=_LONGEST_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{contender.name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    answers = [json.loads(answer) for answer in runtime_api.answers]
    for answer in answers:
        if not contender.expected.items() <= answer.items():
            sys.exit(f"{contender.name} answered {answer}")
    if len(answers) != 1 + warm_calls:
        sys.exit(f"{contender.name} answered {len(answers)} of {1 + warm_calls} events.")
    return Sample(**json.loads(done.stdout.splitlines()[-1]))


def _asked(contender: Contender, server: AwsServer, warm_calls: int) -> _AwsCalls:
    """The AWS operations that the last process asked."""
    calls = 1 + warm_calls
    # What a process asks only once comes before anything else: the switch, whose answer is kept for seconds.
    asked_once = len(server.operations) % calls
    of_one = server.operations[asked_once : asked_once + len(server.operations) // calls]
    if server.operations[asked_once:] != of_one * calls:
        sys.exit(f"{contender.name} does not ask AWS the same for each request.")
    asked = _AwsCalls(once=server.operations[:asked_once], of_each_request=of_one)
    server.operations.clear()
    return asked


def _extension_modules(checkout: Path) -> dict[str, str]:
    """The file of each extension module of the assets' packages that was compiled for this machine."""
    folder = checkout / ".venv-functions" / "extensions"
    return {
        ".".join([*file.relative_to(folder).parts[:-1], file.name.partition(".")[0]]): str(file)
        for file in folder.rglob("*.so")
    }
