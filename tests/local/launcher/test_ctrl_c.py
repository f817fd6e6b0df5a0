"""Ctrl-C while the CDK command line works: it stops at once, and leaves nothing."""

import signal
import sys
import time
from pathlib import Path

import pytest

from local.clients.observer import eventually
from tests.local.launcher.processes import group_of, have_ended, python

ENDS_WITHIN = 2.0  # seconds

# Runs `cdk deploy` in the checkout of its first argument, and says which threads are left that Python would
# wait for.
RUNNER = """
import signal, sys, threading
from pathlib import Path
from local.access import Access
from local.launcher import checkout
from local.launcher.cdk import Cdk

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
folder = checkout.CHECKOUT = Path(sys.argv[1])
access = Access("000000000000", "s", "t")
cdk = Cdk("local", access, "eu-west-2", "http://127.0.0.1:1", folder, lambda _: None)
try:
    cdk.run("deploy")
except KeyboardInterrupt:
    waiting = [thread.name for thread in threading.enumerate() if not thread.daemon]
    print(waiting, flush=True)
"""

# A CDK that has started an application, says its process group when it has come to the moment, and is slow.
SLOW_CDK = """#!{python}
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {child!r}])
{before}
open({moment!r} + ".new", "w").write(str(os.getpgid(0)))
os.rename({moment!r} + ".new", {moment!r})
{after}
"""
WAITS = "import time; time.sleep(600)"
STUBBORN = "import signal; [signal.signal(n, lambda *_: None) for n in (signal.SIGINT, signal.SIGTERM)]\n"


@pytest.mark.slow  # run after run
@pytest.mark.parametrize(
    ("child", "before", "after"),
    [
        (WAITS, "", WAITS),
        (WAITS, "print('one line', flush=True)", WAITS),
        (WAITS, "sys.stdout.write('half a li'); sys.stdout.flush()", WAITS),
        (WAITS, "", "while True: print('✨  Synthesis time: 1s', flush=True); time.sleep(0.001)"),
        (WAITS, "os.close(1); os.close(2)", WAITS),
        (STUBBORN + WAITS, STUBBORN, "while True: time.sleep(600)"),
    ],
    ids=["silent", "after a line", "within a line", "talking", "output closed", "stubborn"],
)
def test_ctrl_c_ends_the_cdk_at_once_with_all_that_it_started(
    child: str, before: str, after: str, tmp_path: Path
) -> None:
    moment = tmp_path / "moment"
    command = tmp_path / "node_modules/.bin/cdk"
    command.parent.mkdir(parents=True)
    # The interpreter's own path, as the system takes none with a space, which the checkout's may have.
    interpreter = Path(sys.executable).resolve()
    text = SLOW_CDK.format(python=interpreter, child=child, before=before, after=after, moment=str(moment))
    command.write_text(text)
    command.chmod(0o755)
    runner = python(RUNNER, str(tmp_path))
    assert eventually(moment.exists, seconds=20)
    leash = int(moment.read_text())
    started = group_of(leash)
    assert len(started) == 3  # the leash, the CDK, its child
    began = time.monotonic()
    runner.send_signal(signal.SIGINT)
    said, errors = runner.communicate(timeout=20)
    assert time.monotonic() - began < ENDS_WITHIN
    assert (said, runner.returncode) == ("['MainThread']\n", 0), errors
    assert have_ended(*started)
    assert group_of(leash) == []
