"""What this project is compared with, installed from requirements.txt beside this file into `.cache`."""

from __future__ import annotations

import functools
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from uv import find_uv_bin

RIVALS: Mapping[str, tuple[str, ...]] = {
    "guide": ("boto3",),
    "powertools": ("boto3", "aws-lambda-powertools[parser,tracer]"),
}
"""The rivals of start_call, each with the packages that it ships beside its handler."""

RUNTIME = "runtime"
"""Lambda's runtime interface client. On AWS it is there already: no function ships it."""

_HANDLERS = Path(__file__).parent / "rivals"
_REQUIREMENTS = Path(__file__).parent / "requirements.txt"


@functools.cache
def installed(checkout: Path) -> Path:
    """The directory with one of each rival's name and `RUNTIME`: all packages whole, with bytecode as pip
    writes it.
    """
    sources = [*sorted(_HANDLERS.glob("*.py")), _REQUIREMENTS, Path(__file__)]
    key = hashlib.sha256(b"\0".join([sys.version.encode(), *(path.read_bytes() for path in sources)]))
    finished = checkout / ".cache" / f"bench-{key.hexdigest()[:16]}"
    if sys.platform != "linux":
        sys.exit("make bench runs on Linux: Lambda's runtime interface client is built for that alone.")
    if not finished.exists():
        finished.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".bench-", dir=finished.parent) as workplace:
            under_way = Path(workplace) / "rivals"
            for name, packages in RIVALS.items():
                _install(under_way / name, packages)
                shutil.copy(_HANDLERS / f"{name}.py", under_way / name)
            _install(under_way / RUNTIME, ("awslambdaric",))
            subprocess.run([sys.executable, "-m", "compileall", "-q", under_way], check=True)
            under_way.rename(finished)
    return finished


def _install(target: Path, packages: tuple[str, ...]) -> None:
    """Installs `packages` and what they need, of the pinned versions and checked against their hashes."""
    target.mkdir(parents=True)
    versions = dict(
        line.split(" ")[0].split("==")
        for line in _REQUIREMENTS.read_text(encoding="utf-8").splitlines()
        if "==" in line
    )
    wanted = "\n".join(f"{package}=={versions[package.partition('[')[0]]}" for package in packages)
    command = [find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--python", sys.executable]
    command += ["--target", str(target), "--require-hashes", "--only-binary", ":all:", "--link-mode", "copy"]
    command += ["--constraint", str(_REQUIREMENTS), "--requirement", "-"]
    subprocess.run(command, check=True, text=True, input=wanted)
