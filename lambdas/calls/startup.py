"""What a function does once, when it has imported all that it needs."""

import gc


def startup_done() -> None:
    """Lets garbage be collected again, but not looked for among what the start has made: that stays."""
    gc.freeze()
    gc.enable()
