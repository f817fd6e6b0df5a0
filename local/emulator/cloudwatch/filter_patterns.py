"""Filter patterns of CloudWatch Logs: alternatives, of which MiniStack wants all at once."""

import re
from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch_logs

_ALTERNATIVE = re.compile(r'\?"([^"]+)"')


def install() -> None:
    """Let `?"one" ?"other"` find what has either (CloudWatch Logs user guide, "Filter pattern syntax")."""
    logs: Any = cloudwatch_logs
    own: Callable[[str], Callable[[str], bool]] = logs._compile_filter_pattern

    def compiled(pattern: str) -> Callable[[str], bool]:
        terms = _ALTERNATIVE.findall(pattern or "")
        if not terms or _ALTERNATIVE.sub("", pattern).strip():
            return own(pattern)
        return lambda message: any(term in message for term in terms)

    logs._compile_filter_pattern = compiled
