"""Times commands: `cdk synth` in CPU seconds, `make demo` on the clock."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_ROUNDS = 5
_TIMEOUT = 180  # seconds
_ENVIRONMENTS = (".venv", ".venv-local", ".venv-functions", "node_modules")


def time_synth(checkout: Path) -> tuple[float, float]:
    """CPU seconds, of all processes, of an empty app and of the environment `local`, validations off.

    Each the least of five in turn: whatever else runs can only add.
    """
    taken: dict[str, list[float]] = {"empty": [], "local": []}
    for _ in range(_ROUNDS):
        for name, seconds in taken.items():
            with tempfile.TemporaryDirectory() as output:
                used = _cpu()
                synthesize(checkout, name, Path(output))
                seconds.append(_cpu() - used)
    return min(taken["empty"]), min(taken["local"])


def synthesize(checkout: Path, name: str, output: Path) -> None:
    """Synthesizes the app `name` of synth_app.py by the CDK's command line, without its validation."""
    app = shlex.join([sys.executable, "-m", "tools.bench.synth_app", name, str(checkout)])
    command = ["cdk", "synth", "--quiet", "--no-notices", "--output", str(output), "--app", app]
    _run(checkout, command, CDK_VALIDATION="false")
    if (output / "validation-report.json").exists():
        sys.exit(f"`cdk synth` of {name} validated its templates, in spite of CDK_VALIDATION=false.")


def time_demo(checkout: Path) -> tuple[float, float]:
    """Seconds of `make demo` in a copy of what git tracks with nothing built, and of a second run in it.

    The copy uses this checkout's installed environments.
    """
    with tempfile.TemporaryDirectory() as copy, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=checkout, capture_output=True, text=True, check=True
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (checkout / name).is_file():
                (Path(copy) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(checkout / name, Path(copy) / name)
        for folder in _ENVIRONMENTS:
            (Path(copy) / folder).symlink_to(checkout / folder)
        first, again = (_time_one_demo(Path(copy), port) for _ in range(2))
    return first, again


def _time_one_demo(copy: Path, port: int) -> float:
    begun = time.monotonic()
    _run(copy, [sys.executable, "-m", "local.demo", "--environment", "local"], LOCAL_PORT=str(port))
    return time.monotonic() - begun


def _run(folder: Path, command: list[str], **variables: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **variables},
        timeout=_TIMEOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


def _cpu() -> float:
    """CPU seconds of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
