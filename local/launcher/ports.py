"""The port that a local AWS listens on."""

import os
import socket
import subprocess
from contextlib import suppress

from local.launcher.checkout import LocalAwsError

DEFAULT_PORT = 4566
LAST_PORT = 65_535
_SEARCHED_PORTS = 100


def read_port(port: int | None) -> int:
    """The port to use: the given one, else LOCAL_PORT's or the default; raises LocalAwsError."""
    chosen = os.environ.get("LOCAL_PORT", str(DEFAULT_PORT)) if port is None else str(port)
    if not chosen.isascii() or not chosen.isdigit() or int(chosen) > LAST_PORT:
        raise LocalAwsError(f"{chosen!r} is no port: give a number up to {LAST_PORT}, 0 for any free one.")
    return int(chosen)


def check_port(port: int) -> None:
    """Raise LocalAwsError, with who listens there, where a port cannot be used."""
    try:
        _bind(port)
    except OSError as error:
        raise LocalAwsError(
            f"Port {port} cannot be used ({error.strerror}){_port_owner(port)}. Stop what uses it, or "
            f"choose another port: LOCAL_PORT={free_port_above(port)} make local (or make demo)."
        ) from error


def _bind(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def free_port_above(port: int) -> int:
    """One that can be used, and that people can keep in mind; 0 is any, where there is none above."""
    for candidate in range(port + 1, min(port + _SEARCHED_PORTS, LAST_PORT) + 1):
        with suppress(OSError):
            _bind(candidate)
            return candidate
    return 0


def _port_owner(port: int) -> str:
    """Who listens on a port, for a message; empty where `lsof` does not find it."""
    with suppress(OSError):
        command = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5).stdout
        owner = {line[0]: line[1:] for line in found.splitlines() if line}
        if "p" in owner:
            return f": {owner.get('c', 'a program')}, process {owner['p']}, listens there"
    return ""


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
