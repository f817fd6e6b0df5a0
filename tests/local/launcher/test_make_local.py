"""`make local` and Ctrl-C, at any moment: nothing is left of it."""

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.local.launcher.processes import CHECKOUT, have_ended, is_alive, python

# `python -m local`, in a folder and on a port of its own.
RUNNER = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background

import functools, sys
from pathlib import Path
from local import __main__ as program

program.local_aws = functools.partial(program.local_aws, directory=Path(sys.argv[1]))
sys.argv = ["local", "--port", "0"]
sys.exit(program.main())
"""
TIMES = 20
LONGEST = 25.0  # seconds until Ctrl-C: by then a quiet machine has deployed
ENDS_WITHIN = 10.0  # seconds


def descendants(pid: int) -> set[int]:
    """All that a process has started, and what that has started."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for child, parent in (map(int, line.split()) for line in listed.splitlines()):
        children.setdefault(parent, []).append(child)
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child)
    return found


@pytest.mark.slow
def test_ctrl_c_at_any_moment_leaves_no_process_and_no_secret(tmp_path: Path) -> None:
    assert (CHECKOUT / "build/console/index.html").exists(), "Run `make test-slow`: it builds the page."
    moments = random.Random(16)  # noqa: S311 spread evenly, the same in each run
    for run in range(TIMES):
        folder = tmp_path / str(run)
        runner = python(RUNNER, str(folder))
        seconds = LONGEST * (run + moments.random()) / TIMES
        until = time.monotonic() + seconds
        started: set[int] = set()
        while time.monotonic() < until and runner.poll() is None:
            started |= descendants(runner.pid)
            time.sleep(0.1)
        started |= descendants(runner.pid)
        began = time.monotonic()
        runner.send_signal(signal.SIGINT)
        with runner:
            try:
                said, errors = runner.communicate(timeout=60)
            finally:
                runner.kill()  # should it have gone on
        assert time.monotonic() - began < ENDS_WITHIN, f"after {seconds:.1f} s: {said}{errors}"
        assert have_ended(*started), f"after {seconds:.1f} s: {[pid for pid in started if is_alive(pid)]}"
        # A Ctrl-C before Python has come to the program is Python's own.
        assert runner.returncode == 0 or "KeyboardInterrupt" in errors, f"{seconds:.1f} s: {said}{errors}"
        secrets = [folder / name for name in ("credentials", "control-header", "leash", "leash-media")]
        assert [file.name for file in secrets if file.exists()] == []
