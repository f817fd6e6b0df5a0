import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.local.launcher.processes import CHECKOUT, ENDS_WITHIN, have_ended, is_alive, python

Leash = Callable[[str], "subprocess.Popen[bytes]"]
# Says its own id and that of a child, then both wait for ever.
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, lambda *_: None)\n"


@pytest.fixture
def leash() -> Iterator[Leash]:
    """Starts Python code on a leash."""
    started = []

    def start(code: str) -> "subprocess.Popen[bytes]":
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "local.launcher.leash", sys.executable, "-c", code],
                cwd=CHECKOUT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def family(process: "subprocess.Popen[bytes]") -> list[int]:
    assert process.stdout
    return [int(pid) for pid in process.stdout.readline().split()]


def let_go(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin
    process.stdin.close()
    process.stdin = None


@pytest.mark.parametrize("code", [FAMILY, STUBBORN + FAMILY], ids=["obedient", "ignores SIGTERM"])
def test_letting_go_ends_the_command_and_what_it_started(code: str, leash: Leash) -> None:
    process = leash(code)
    pids = family(process)
    assert all(is_alive(pid) for pid in pids)
    let_go(process)
    process.wait(ENDS_WITHIN)
    assert have_ended(*pids)


def test_a_command_that_ends_gives_its_status_and_leaves_no_child(leash: Leash) -> None:
    process = leash(FAMILY.replace("time.sleep(600)\n", "sys.exit(7)\n"))
    pids = family(process)
    assert process.wait(ENDS_WITHIN) == 7
    assert have_ended(*pids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_leash_alone_does_not_cut_it(number: signal.Signals, leash: Leash) -> None:
    process = leash(FAMILY)
    pids = family(process)
    process.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    assert all(is_alive(pid) for pid in pids)
    let_go(process)
    process.wait(ENDS_WITHIN)
    assert have_ended(*pids)


def test_killing_the_holder_ends_everything() -> None:
    """SIGKILL gives the holder no time to do anything: the leash notices by itself."""
    holder = python(
        "import subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'local.launcher.leash', sys.executable, '-c', sys.argv[1]]\n"
        "leash = subprocess.Popen(command,\n"
        "                         stdin=subprocess.PIPE, start_new_session=True)\n"
        "print(leash.pid, flush=True)\n"
        "time.sleep(600)\n",
        FAMILY,
    )
    try:
        assert holder.stdout
        # The holder's own line and the family's, in any order.
        pids = [int(pid) for _ in range(2) for pid in holder.stdout.readline().split()]
        assert len(pids) == 3
    finally:
        holder.kill()
        holder.communicate()
    assert have_ended(*pids)
