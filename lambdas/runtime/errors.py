"""Failures that a caller is answered with, and those of them that AWS causes.

No text here may hold a value that the caller sent or that AWS answered: texts end in logs and answers.
"""


class ServiceError(Exception):
    """Any failure that has an answer of its own. The text is the `detail` that the caller reads."""

    retry_after: int | None = None
    """Whole seconds after which the same request may succeed; None where waiting does not help."""

    def __init__(self, detail: str, *, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if retry_after is not None:
            self.retry_after = max(1, retry_after)


class CapacityReached(ServiceError):
    """AWS throttled us or a quota is used up."""

    retry_after = 2


class Unavailable(ServiceError):
    """AWS is failing or cannot be reached."""

    retry_after = 5


class TimedOut(ServiceError):
    """AWS did not answer in time; what it did is unknown."""

    retry_after = 5


class AnswerIncomplete(ServiceError):
    """AWS answered without a part that an app needs."""


class ConfigurationFault(ServiceError):
    """AWS refused because of how this system is deployed; only its operator can fix it."""

    def __init__(
        self, detail: str = "The service is not set up correctly. Its operator has been alarmed."
    ) -> None:
        super().__init__(detail)
