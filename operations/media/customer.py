"""Who joins a call that only tests, as an app does."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from operations.errors import OperationError
from operations.media.program import Program, ProgramError

_FOLDER = Path(__file__).parent


def check_installed() -> None:
    """Raises OperationError where the SDK is not installed."""
    if not (_FOLDER / "node_modules").exists():
        raise OperationError(
            "operations/media has no packages: the Amazon Chime SDK joins a call.\n"
            "  Fix: make smoke with MEDIA=1, which installs them; or ./setup.sh smoke-media."
        )


class Customer:
    """The app's side of one call, by the Amazon Chime SDK."""

    def __init__(self) -> None:
        self._program = Program(_FOLDER / "customer.ts", quiet=True)

    def join(self, connection_data: Mapping[str, Any]) -> str:
        """Joins with microphone and ears; returns what the SDK says of a failure, empty where it joined.

        Raises ProgramError.
        """
        answer = self._program.do("join", ConnectionData=dict(connection_data))
        return "" if answer["joined"] else str(answer["status"] or "no audio flows")

    def hear(self, above: float) -> float:
        """The loudest that was heard, 0 to 1, up to the first half second above that. Raises ProgramError."""
        return float(self._program.do("hear", above=above)["level"])

    def leave(self) -> None:
        """Leaves the call, if it still goes on."""
        with suppress(ProgramError):
            self._program.do("leave")
        self._program.close()
