"""How much of what is wide is tried: `make test` looks quickly, `make coverage` and CI thoroughly."""

from hypothesis import settings


def examples(thorough: int) -> int:
    """Of so many examples as CI tries, those that this run tries: all, or a quarter in `make test`."""
    return max(10, thorough // 4) if settings.get_current_profile_name() == "quick" else thorough
