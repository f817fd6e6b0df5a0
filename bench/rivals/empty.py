"""The floor: what a cold start costs before any of the function's own code."""

from typing import Any


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers, and does nothing."""
    return {"statusCode": 201}
