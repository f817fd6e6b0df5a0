"""What Node's packages are pinned by."""

import json
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
LOCKS = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*package-lock.json"],
    cwd=CHECKOUT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_pins_every_package_and_names_no_registry(lock: str) -> None:
    text = (CHECKOUT / lock).read_text(encoding="utf-8")
    packages = {path: package for path, package in json.loads(text)["packages"].items() if path}
    assert packages
    assert not [path for path, package in packages.items() if "resolved" in package]
    assert all("integrity" in package for package in packages.values() if not package.get("inBundle"))
    settings = (CHECKOUT / lock).with_name(".npmrc").read_text(encoding="utf-8").split()
    # No package runs anything when it is installed.
    assert {"ignore-scripts=true", "omit-lockfile-registry-resolved=true"} <= set(settings)
