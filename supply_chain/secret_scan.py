"""Looks for secrets in everything that git tracks or would add: `python -m supply_chain.secret_scan`.

Kingfisher finds what has a service's form (keys of AWS, tokens of GitHub, private keys …), the rule in
`secret_rules.yaml` what only a name gives away. Nothing is asked of any service. A line of an invented secret
that looks real ends in `kingfisher:ignore`, and says why.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[1]

# The exit status of Kingfisher that says that it found something.
_FOUND = 200


class ScanError(Exception):
    """The sources could not be scanned; the message says why."""


def main() -> int:
    """Prints where secrets are, but not what they are; returns the exit status, 1 if there is any."""
    try:
        files = tracked(_CHECKOUT)
        found = scan(_CHECKOUT, files)
    except ScanError as error:
        print(f"\n{error}\n", file=sys.stderr)
        return 1
    if found:
        print(found)
        print("  Fix: make the secret worthless where it is from, then remove it. In git it stays readable.")
        return 1
    print(f"secrets: {len(files)} files, none found")
    return 0


def tracked(checkout: Path) -> list[Path]:
    """The files in the checkout that git tracks, and those that it does not ignore.

    Raises ScanError where `checkout` is no git checkout.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise ScanError(f"git cannot list the files of {checkout}: {listed.stderr.strip()}")
    # Removed but not committed yet: listed, and not there.
    return [Path(name) for name in sorted(set(listed.stdout.split("\0"))) if (checkout / name).is_file()]


def scan(checkout: Path, files: list[Path]) -> str:
    """What was found in `files` of the checkout, without the secrets; empty if there is nothing.

    Raises ScanError.
    """
    command = ["kingfisher", "scan", "--no-update-check", "--quiet"]
    command += ["--no-validate", "--redact", "--git-history", "none"]
    command += ["--rules-path", str(_CHECKOUT / "supply_chain" / "secret_rules.yaml")]
    # Compiling the rules takes ten seconds.
    command += ["--rule-cache-dir", str(_CHECKOUT / ".cache" / "kingfisher")]
    done = subprocess.run(
        [*command, "--", *map(str, files)], cwd=checkout, capture_output=True, text=True, check=False
    )
    if done.returncode not in {0, _FOUND}:
        raise ScanError(f"kingfisher ended with status {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout.strip() if done.returncode == _FOUND else ""


if __name__ == "__main__":
    sys.exit(main())
