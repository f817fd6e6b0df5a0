"""Runs Swift, by tools/swift/run, which brings it where it can."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
# What was built stays, for the next run.
SCRATCH = ("--scratch-path", "build/swift")
_NO_SWIFT = 77
# Seconds. The first run on a Debian 12 unpacks a Debian 13.
_WITHIN = 1500


def swift(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Runs `swift` in the checkout; returns what it printed. Skips the test without Swift."""
    return run("swift", *arguments, environment=environment)


def run(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """Runs a command where Swift is; returns what it printed. Skips the test without Swift."""
    done = subprocess.run(
        ["tools/swift/run", *command],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_WITHIN,
    )
    if done.returncode == _NO_SWIFT:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout + done.stderr
