"""Times `cdk synth`, as a person waits for it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# A synthesis takes some ten seconds.
_LONGEST_SECONDS = 120


def time_synth(checkout: Path, *, rounds: int, progress: Callable[[], None]) -> dict[str, list[float]]:
    """Seconds on the clock of each synthesis of `local` and `empty` (bench/synth_app.py), taken in turn."""
    seconds: dict[str, list[float]] = {"local": [], "empty": []}
    for _ in range(rounds):
        for app, times in seconds.items():
            with tempfile.TemporaryDirectory() as output:
                command = ["cdk", "synth", "--quiet", "--no-notices", "--output", output]
                command += ["--app", f"{sys.executable} -m bench.synth_app {app}"]
                begun = time.monotonic()
                done = subprocess.run(
                    command,
                    cwd=checkout,
                    timeout=_LONGEST_SECONDS,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                times.append(time.monotonic() - begun)
                if done.returncode != 0:
                    sys.exit(f"The synthesis of {app} failed:\n{done.stdout}{done.stderr}")
            progress()
    return seconds
