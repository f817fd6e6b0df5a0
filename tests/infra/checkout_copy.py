"""A second checkout in another folder."""

import shutil
from pathlib import Path

from tests.infra.synthesis import CHECKOUT

_SOURCES = ("app.py", "cdk.json", "openapi.yaml", "config", "infra", "lambdas")


def copy_checkout(target: Path) -> Path:
    """Copies what the app is made from to `target`, with the installed packages but no built assets."""
    target.mkdir(parents=True)
    for name in _SOURCES:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (target / ".venv").symlink_to(CHECKOUT / ".venv")
    (target / ".cache").mkdir()
    (target / ".cache" / "dependencies").symlink_to(CHECKOUT / ".cache" / "dependencies")
    return target
