"""Processes whose end is tested: looked at by their ids, and never waited for without a limit."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local.clients.observer import eventually

CHECKOUT = Path(__file__).parents[3]
ENDS_WITHIN = 10.0  # seconds


def python(
    code: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """A Python process that runs `code`, with the checkout in its path and a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and that nobody has waited for does not."""
    state = subprocess.run(
        ["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")


def group_of(leader: int) -> list[int]:
    """The living processes of a process group."""
    listed = subprocess.run(["ps", "-eo", "pid=,pgid="], capture_output=True, text=True, check=True).stdout
    pids = [int(pid) for pid, group in map(str.split, listed.splitlines()) if int(group) == leader]
    return [pid for pid in pids if is_alive(pid)]


def have_ended(*pids: int) -> bool:
    """Whether all of them end in time."""
    return eventually(lambda: not any(is_alive(pid) for pid in pids), seconds=ENDS_WITHIN)
