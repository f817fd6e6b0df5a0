"""What a simulation finds."""


class BrokenError(BaseException):
    """An invariant is broken. No `Exception`: the handlers answer those."""
