"""The local media plane: a process of Node's, beside the emulator, that ends with the run."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.launcher.checkout import CHECKOUT, LocalAwsError, Tool, installed, node
from local.launcher.processes import leashed

PACKAGES = Tool("local/node_modules/werift", "the packages of the media plane and the page", "pages")
LEASH = "leash-media"
_PROGRAM = CHECKOUT / "local" / "media" / "server.ts"
_READY_WITHIN = 30.0  # seconds


@contextmanager
def media_plane(port: int, *, emulator_url: str, directory: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the media plane on a port of loopback; `directory` has the run's token, and gets its log."""
    installed(PACKAGES)
    variables = {
        "LANG": "C.UTF-8",
        "LOCAL_ACCESS": str(directory),
        "LOCAL_EMULATOR_URL": emulator_url,
        "LOCAL_MEDIA_PORT": str(port),
        "PATH": os.environ.get("PATH", os.defpath),
    }
    with (
        (directory / "media.log").open("wb") as log,
        leashed([str(node()), str(_PROGRAM)], variables, stdout=log) as process,
    ):
        (directory / LEASH).write_text(str(process.pid))
        yield process


def wait_until_ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Raise LocalAwsError unless the plane takes connections in time."""
    deadline = time.monotonic() + _READY_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise LocalAwsError("The local media plane did not start: media.log in the run's folder says why.")
