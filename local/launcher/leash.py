"""Runs a command for as long as its starter wants it: `python -m local.leash <command>`.

The starter holds this process's standard input. When it closes, for whatever reason (the starter stopped,
failed, was killed), the command and everything that it started are ended: SIGTERM first, SIGKILL after a
grace. The command's own end ends this process, with the command's exit status.

It leads the process group that it ends: start it with `start_new_session=True`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

# Nothing that runs here has anything to save; a person who pressed Ctrl-C waits for it.
GRACE_SECONDS = 1.0


def main() -> int:
    """Run the command that the arguments are; returns its exit status."""
    # The group's SIGTERM reaches this process too, which stays to send SIGKILL to whatever is left. Handlers,
    # and not SIG_IGN: the command would inherit that.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_when_let_go, args=(command,), daemon=True).start()
    status = command.wait()
    os.killpg(0, signal.SIGTERM)  # what the command left behind
    return status


def _end_when_let_go(command: "subprocess.Popen[bytes]") -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.killpg(0, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        command.wait(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
