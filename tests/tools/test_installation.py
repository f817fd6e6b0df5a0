"""Installing runs nothing of what it installs: no build of a package's, no script."""

import re
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def installations() -> list[str]:
    """Each command of setup.sh that installs Python packages, with its options."""
    script = (CHECKOUT / "setup.sh").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in script.splitlines() if re.search(r"\bpip (install|sync)\b", line)]


def test_no_python_package_is_built_and_each_has_its_hash() -> None:
    assert len(installations()) == 3
    for command in installations():
        assert "--only-binary :all:" in command
        assert "--require-hashes" in command


def test_no_script_of_an_npm_package_is_run() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*package-lock.json"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "package-lock.json" in tracked
    for lock in tracked:
        # npm reads the settings beside the package that it installs.
        settings = (CHECKOUT / lock).with_name(".npmrc")
        assert "ignore-scripts=true" in settings.read_text(encoding="utf-8").split()
        assert '"resolved"' not in (CHECKOUT / lock).read_text(encoding="utf-8")
    script = (CHECKOUT / "setup.sh").read_text(encoding="utf-8")
    assert "npm install" not in script
    assert "--ignore-scripts=false" not in script
