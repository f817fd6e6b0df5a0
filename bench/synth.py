"""Times `cdk synth`."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.installed import SOLUTIONS_CONSTRUCTS, installed

# A synthesis takes some ten seconds.
_LONGEST_SECONDS = 120
# What `bench.synth_app` builds assets and stacks from.
_SOURCES = ("config", "infra", "lambdas", "openapi.yaml")


@dataclass(frozen=True)
class Synthesis:
    """What one took, in seconds: of CPU, of all processes and threads, and on the clock."""

    cpu: float
    clock: float


def time_synth(checkout: Path, *, rounds: int, progress: Callable[[], None]) -> dict[str, list[Synthesis]]:
    """What each synthesis takes: in turn those of bench/synth_app.py, and once each

    * `local, nothing built`: a first one, which installs the functions' dependencies and builds all assets,
      and
    * `local, all checks`: what `make synth` does, every rule included.
    """
    taken: dict[str, list[Synthesis]] = {}
    for what in ("empty", SOLUTIONS_CONSTRUCTS, "local") * rounds:
        taken.setdefault(what, []).append(_time(checkout, _app(what, checkout)))
        progress()
    with tempfile.TemporaryDirectory() as directory:
        _copy_sources(checkout, Path(directory))
        taken["local, nothing built"] = [_time(checkout, _app("local", Path(directory)))]
        progress()
    taken["local, all checks"] = [_time(checkout, ["--context", "environment=local"])]
    progress()
    return taken


def _app(name: str, checkout: Path) -> list[str]:
    return ["--app", f"{sys.executable} -m bench.synth_app {name} {checkout}"]


def _copy_sources(checkout: Path, target: Path) -> None:
    for name in _SOURCES:
        source = checkout / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def _time(checkout: Path, options: list[str]) -> Synthesis:
    with tempfile.TemporaryDirectory() as output:
        command = ["cdk", "synth", "--quiet", "--no-notices", "--output", output, *options]
        environment = {**os.environ, "PYTHONPATH": str(installed(checkout) / SOLUTIONS_CONSTRUCTS)}
        begun, used = time.monotonic(), _cpu()
        done = subprocess.run(
            command,
            cwd=checkout,
            env=environment,
            timeout=_LONGEST_SECONDS,
            capture_output=True,
            text=True,
            check=False,
        )
        took = Synthesis(cpu=_cpu() - used, clock=time.monotonic() - begun)
    if done.returncode != 0:
        sys.exit(f"A synthesis failed: {' '.join(options)}\n{done.stdout}{done.stderr}")
    return took


def _cpu() -> float:
    """CPU seconds of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
