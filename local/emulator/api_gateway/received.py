"""The headers of the request that is being answered, line by line: MiniStack joins those of one name."""

from collections.abc import Sequence
from contextvars import ContextVar

# Names in lower case.
headers: ContextVar[Sequence[tuple[str, str]]] = ContextVar("received_headers", default=())


def by_name() -> dict[str, list[str]]:
    """The values of each header, in their order."""
    found: dict[str, list[str]] = {}
    for name, value in headers.get():
        found.setdefault(name, []).append(value)
    return found
