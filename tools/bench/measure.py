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

from tools.bench.aws_server import AwsServer, serving
from tools.bench.contenders import Contender
from tools.bench.installed import RUNTIME, installed
from tools.bench.runtime_api import RuntimeApi, serving_invocations

_ROUNDS = 13
_WARM_CALLS = 40  # of each process
_TIMEOUT = 60  # seconds; a process takes one

DELAYS = {"GetParameter": 0.05, "UpdateItem": 0.05, "StartWebRTCContact": 0.2}
"""Seconds that AWS takes where the way from tap to answer is measured: invented, and the same in each run."""


@dataclass(frozen=True)
class Sample:
    """One process, in CPU ms: `cold` from the start of the process to the first answer, `warm` of each later
    call. What the runtime does is part of it.
    """

    cold: float
    warm: list[float]
    peak_mb: float

    @property
    def one_warm(self) -> float:
        """Median."""
        return statistics.median(self.warm)


@dataclass(frozen=True)
class Measurement:
    """A contender's samples, one a round, and the AWS operations of each request, in order."""

    name: str
    samples: list[Sample]
    aws_calls: list[str]

    def median(self, what: Callable[[Sample], float]) -> float:
        """Of all rounds."""
        return statistics.median(map(what, self.samples))


def ratio(ours: Measurement, rival: Measurement, what: Callable[[Sample], float]) -> float:
    """The median of the rounds' ratios."""
    pairs = zip(ours.samples, rival.samples, strict=True)
    return statistics.median(what(mine) / what(theirs) for mine, theirs in pairs)


def measure(checkout: Path, contenders: Sequence[Contender]) -> list[Measurement]:
    """Measures each contender once a round, in a random order.

    A first round does not count. There each goes through a snapshot and a restore, its hooks included, and
    must answer all the same.
    """
    samples: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    aws_calls: dict[str, list[str]] = {}
    with (
        tempfile.TemporaryDirectory() as directory,
        serving(Path(directory)) as server,
        serving_invocations() as runtime_api,
    ):
        for contender in contenders:
            _write_roots(Path(directory), contender)
        for round_ in range(_ROUNDS + 1):
            for contender in random.sample(contenders, len(contenders)):
                initialization = "on-demand" if round_ else "snap-start"
                environment = _environment(contender, server, Path(directory), initialization)
                sample = _run(checkout, contender, environment, runtime_api)
                aws_calls[contender.name] = _calls_of_one_request(contender, server)
                if round_ > 0:
                    samples[contender.name].append(sample)
    return [Measurement(each.name, samples[each.name], aws_calls[each.name]) for each in contenders]


@dataclass(frozen=True)
class Waits:
    """Seconds from event to answer with AWS's `DELAYS`, the least of the requests of one process."""

    switch_known: float
    """Of most requests: a reading of the switch is good for five seconds."""
    switch_read: float


def measure_waits(checkout: Path, contender: Contender) -> Waits:
    """How long a tap waits for its answer where AWS takes its time."""
    with (
        tempfile.TemporaryDirectory() as directory,
        serving(Path(directory)) as server,
        serving_invocations() as runtime_api,
    ):
        _write_roots(Path(directory), contender)
        server.delays = DELAYS
        environment = _environment(contender, server, Path(directory), "on-demand")
        _run(checkout, contender, environment, runtime_api)
        with_switch, request = set(), 0
        for operation in server.operations:
            if operation == "GetParameter":
                with_switch.add(request)
            request += operation == "StartWebRTCContact"
        seconds = list(enumerate(runtime_api.seconds))
        return Waits(
            switch_known=min(took for at, took in seconds if at not in with_switch),
            switch_read=min(took for at, took in seconds if at in with_switch),
        )


def _environment(
    contender: Contender, server: AwsServer, directory: Path, initialization: str
) -> dict[str, str]:
    return {
        **contender.environment,
        **server.environment,
        "AWS_CA_BUNDLE": f"{directory}/{contender.name}.pem",
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization,
    }


def _write_roots(directory: Path, contender: Contender) -> None:
    """What a contender trusts: the roots that it ships with botocore, as on AWS, and the local server."""
    shipped = [path.read_bytes() for folder in contender.paths for path in folder.glob("botocore/cacert.pem")]
    trusted = b"".join([*shipped, (directory / "certificate.pem").read_bytes()])
    (directory / f"{contender.name}.pem").write_bytes(trusted)


def _run(
    checkout: Path, contender: Contender, environment: dict[str, str], runtime_api: RuntimeApi
) -> Sample:
    """What one process took. Each of its answers must be right."""
    runtime_api.event = json.dumps(contender.event).encode()
    runtime_api.answers.clear()
    runtime_api.seconds.clear()
    job = {
        "handler": contender.handler,
        "paths": [str(path) for path in contender.paths],
        "runtime": str(installed(checkout) / RUNTIME),
        "invocations": 1 + _WARM_CALLS,
    }
    python = checkout / ".venv-functions" / "bin" / "python"
    done = subprocess.run(
        [python, "-I", "-B", Path(__file__).parent / "invoke.py"],
        env={**environment, "AWS_LAMBDA_RUNTIME_API": runtime_api.address},
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{contender.name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    answers = [json.loads(answer) for answer in runtime_api.answers]
    if len(answers) != 1 + _WARM_CALLS or any(answer | contender.answer != answer for answer in answers):
        sys.exit(f"{contender.name} answered {len(answers)} times, first {str(answers[:1])[:2000]}")
    return Sample(**json.loads(done.stdout.splitlines()[-1]))


def _calls_of_one_request(contender: Contender, server: AwsServer) -> list[str]:
    """The AWS operations that the last process called for each request."""
    requests = 1 + _WARM_CALLS
    # What a process calls only once comes first: the switch, whose value is kept for seconds.
    once = len(server.operations) % requests
    of_one = server.operations[once : once + len(server.operations) // requests]
    if server.operations[once:] != of_one * requests:
        sys.exit(f"{contender.name} does not call AWS alike for each request: {server.operations}")
    server.operations.clear()
    return of_one
