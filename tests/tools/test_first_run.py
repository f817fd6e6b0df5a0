"""A stranger's first run: a checkout in a folder with spaces, a home that cannot be written to, no root.

Everything is installed again, which needs the network and takes a minute or two.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[2]
INSTALLED = (".venv", ".venv-local", ".venv-functions", "node_modules", ".cache")
WITHIN = 600  # seconds
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
HELD = "All of it held."


@dataclass(frozen=True)
class Stranger:
    """Somebody with nothing but a checkout, Python 3.13 and make; `prefix` makes root an ordinary user."""

    folder: Path
    prefix: tuple[str, ...]

    @property
    def checkout(self) -> Path:
        return self.folder / "my work" / "in-app calling"

    @property
    def environment(self) -> dict[str, str]:
        """Of this process what the network and its registries need, none of its commands and caches."""
        foreign = (
            "AWS_",
            "UV_CACHE",
            "PIP_CACHE",
            "CDK_",
            "JSII_",
            "MAKE",
            "PYTHON",
            "XDG_",
            "npm_config_cache",
        )
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        path = [
            str(Path(sys.base_prefix) / "bin"),
            "/usr/local/bin",
            "/usr/bin",
            "/bin",
            "/usr/sbin",
            "/sbin",
        ]
        return kept | {
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "PATH": os.pathsep.join(path),
            "LOCAL_PORT": str(free_port()),
        }

    def start(
        self, *command: str, within: tuple[str, ...] = (), checkout: Path | None = None
    ) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*within, *self.prefix, *command],
            cwd=checkout or self.checkout,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def owns(self, path: Path) -> None:
        if self.prefix:
            subprocess.run(["chown", "-R", "65534:65534", str(path)], check=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def succeeds(*command: str) -> bool:
    return shutil.which(command[0]) is not None and (
        subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0
    )


def copy_sources(to: Path) -> None:
    """What git has or would add, as `git clone` would bring it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (CHECKOUT / name).is_symlink() or (CHECKOUT / name).exists():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, to / name, follow_symlinks=False)


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    # Not below pytest's own folder, which each run of pytest closes to all users but one.
    folder = Path(tempfile.mkdtemp(prefix="first run "))
    folder.chmod(0o755)
    python = Path(sys.base_prefix) / "bin/python3.13"
    is_root = os.getuid() == 0
    prefix = NOBODY if is_root and succeeds(*NOBODY, str(python), "-c", "") else ()
    one = Stranger(folder, prefix)
    copy_sources(one.checkout)
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    one.owns(folder)
    (folder / "home").chmod(0o555)
    yield one
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def first_run(stranger: Stranger) -> str:
    """What `make demo` prints."""
    process = stranger.start("make", "demo")
    printed, _ = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, printed
    return printed


def test_a_first_run_works_in_a_folder_with_spaces(first_run: str) -> None:
    assert HELD in first_run
    assert first_run.index("==> The first run installs") < first_run.index("==> .venv")


def test_nothing_is_written_outside_the_checkout(stranger: Stranger, first_run: str) -> None:
    for name in ("home", "tmp"):
        assert list((stranger.folder / name).iterdir()) == []


def test_an_ordinary_user_is_enough(stranger: Stranger, first_run: str) -> None:
    if os.getuid() == 0 and not stranger.prefix:
        pytest.skip(f"these tests run as root, and no other user can run {sys.base_prefix}/bin/python3.13")
    owners = {path.stat().st_uid for path in stranger.checkout.iterdir()}
    assert owners == {65534 if stranger.prefix else os.getuid()}


def test_later_runs_need_no_network(stranger: Stranger, first_run: str) -> None:
    alone = ("unshare", "--net", "--map-root-user") if os.getuid() else ("unshare", "--net")
    if not succeeds(*alone, "ip", "link", "set", "lo", "up"):
        pytest.skip("this machine gives no process a network of its own (unshare, ip)")
    process = stranger.start(
        "make", "demo", within=(*alone, "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    )
    printed, _ = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, printed
    assert HELD in printed
    assert "==>" not in printed


def test_two_checkouts_run_side_by_side(stranger: Stranger, first_run: str) -> None:
    second = stranger.folder / "my work" / "second"
    copy_sources(second)
    for name in INSTALLED:
        (second / name).symlink_to(stranger.checkout / name)
    stranger.owns(second)
    both = [stranger.start("make", "demo", checkout=checkout) for checkout in (stranger.checkout, second)]
    for process in both:
        printed, _ = process.communicate(timeout=WITHIN)
        assert process.returncode == 0, printed
        assert HELD in printed
