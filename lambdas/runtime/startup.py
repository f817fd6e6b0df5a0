"""What a function does once, when it has imported all that it needs."""

import gc
import os
import random
from collections.abc import Callable

_before_snapshot: list[Callable[[], None]] = []


def before_snapshot(hook: Callable[[], None]) -> None:
    """Has `hook` called before Lambda takes a snapshot of the process, if it takes one (SnapStart)."""
    _before_snapshot.append(hook)


def finish_init() -> None:
    """Lets garbage be collected again, but not looked for among what the start has made: that stays."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        _prepare_for_snapshot()
    gc.freeze()
    gc.enable()


def _prepare_for_snapshot() -> None:
    """Lambda keeps the process as it is now, and later starts many others from it."""
    # The runtime's own module: there is none elsewhere, and without SnapStart nobody needs it.
    from snapshot_restore_py import (  # type: ignore[import-not-found] # noqa: PLC0415
        register_after_restore,
        register_before_snapshot,
    )

    for hook in _before_snapshot:
        register_before_snapshot(hook)
    # Else all of them would wait the same random times before they repeat a request. What has to be unique
    # comes from the operating system.
    register_after_restore(random.seed)
