"""Processes that end with this one, and the lock that keeps a directory to one run."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from local.launcher.checkout import CHECKOUT, LocalAwsError
from local.launcher.leash import GRACE_SECONDS


@contextmanager
def leashed(
    command: list[str], environment: Mapping[str, str], *, stdout: IO[bytes] | int
) -> Iterator["subprocess.Popen[bytes]"]:
    """A command that ends, with everything it started, at the end of the block or of this process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "local.launcher.leash", *command],
        cwd=CHECKOUT,
        env=dict(environment) | {"PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(GRACE_SECONDS + 5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout:
            process.stdout.close()


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory for this process; the lock ends with it, however it ends."""
    with (directory / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise LocalAwsError(
                f"A local AWS of this checkout runs already (process {lock.read().strip() or 'unknown'}): "
                "stop it with Ctrl-C there and try again."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def end_killed_run(directory: Path) -> None:
    """End what a killed run may have left: its leashes notice by themselves, this waits, or insists."""
    for file in directory.glob("leash*"):
        _end_leash(file)


def _end_leash(file: Path) -> None:
    try:
        leash = int(file.read_text())
    except (OSError, ValueError):
        return
    deadline = time.monotonic() + GRACE_SECONDS + 1
    while _is_leash(leash) and time.monotonic() < deadline:
        time.sleep(0.05)
    if _is_leash(leash):
        os.killpg(leash, signal.SIGKILL)
        with suppress(ProcessLookupError):
            while time.monotonic() < deadline + GRACE_SECONDS:
                os.killpg(leash, 0)  # nothing but the question whether any of them is left
                time.sleep(0.05)
    file.unlink(missing_ok=True)


def _is_leash(pid: int) -> bool:
    """Whether that process is a leash of ours: its number may be another program's by now."""
    # Linux has it in a file, and not always `ps`; macOS has `ps`.
    with suppress(OSError):
        return b"local.launcher.leash" in Path(f"/proc/{pid}/cmdline").read_bytes()
    with suppress(OSError):
        command = ["ps", "-o", "command=", "-p", str(pid)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        return "local.launcher.leash" in found.stdout
    return False
