"""What can go wrong with a call, in the words of this product.

Adapters raise these `from` the error of AWS; `calls.problem` alone knows their HTTP statuses.
No text here may hold a value that the caller sent or that AWS answered: texts end in logs and answers.
"""

from collections.abc import Collection
from dataclasses import dataclass


class CallError(Exception):
    """Any failure that has an answer of its own. The text is the `detail` that the caller reads."""

    retry_after: int | None = None
    """Whole seconds after which the same request may succeed; None where waiting does not help."""

    def __init__(self, detail: str, *, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if retry_after is not None:
            self.retry_after = max(1, retry_after)


@dataclass(frozen=True)
class Violation:
    """One rule that a request breaks: where (a JSON pointer, RFC 6901, or `header NAME`) and what to
    change.
    """

    pointer: str
    detail: str


# A caller who mends these finds out about the rest.
_MOST_VIOLATIONS = 10


class InvalidRequest(CallError):
    """The request breaks the contract; the first ten ways in which it does are told."""

    def __init__(self, *violations: Violation) -> None:
        super().__init__("The request is not valid: see errors.")
        self.violations = violations[:_MOST_VIOLATIONS]


class TooLarge(CallError):
    """The body is larger than any valid one."""


class UnsupportedMediaType(CallError):
    """The body is not JSON by its own declaration."""


class NotSignedIn(CallError):
    """The event holds no verified claims with a subject."""


class CallerBlocked(CallError):
    """The operator keeps this user from calling."""

    def __init__(self, detail: str = "You cannot call at present. Contact the service another way.") -> None:
        super().__init__(detail)


class AuthenticationInsufficient(CallError):
    """The user is signed in, but too long ago or not in a way that this call asks for (RFC 9470).

    `max_age_seconds` is the greatest age of a sign-in, None for any; one of `amr` must be among the methods
    that it used (RFC 8176), empty for any.
    """

    def __init__(self, *, max_age_seconds: int | None, amr: Collection[str]) -> None:
        super().__init__("This call needs a sign-in as MaxAge and Amr say. Sign in again, then call.")
        self.max_age_seconds = max_age_seconds
        self.amr = sorted(amr)


class IdempotencyKeyReused(CallError):
    """The key came before with another body."""


class RequestInProgress(CallError):
    """The first request with this key has not been answered yet."""


class CallActive(CallError):
    """The user has another call."""

    def __init__(self, contact_id: str | None, *, retry_after: int | None = None) -> None:
        super().__init__("Another call of this user is active. End it first.", retry_after=retry_after)
        self.contact_id = contact_id


class CallNotFound(CallError):
    """The user has no such call; whether anybody has is not told."""

    def __init__(self, detail: str = "You have no such call.") -> None:
        super().__init__(detail)


class CallEnded(CallError):
    """The call is over."""

    def __init__(self, detail: str = "The call has ended.") -> None:
        super().__init__(detail)


class AgentNotConnected(CallError):
    """Nobody can come back into a call that no agent has taken yet."""

    def __init__(
        self, detail: str = "No agent has taken the call yet. Until one has, it cannot be rejoined."
    ) -> None:
        super().__init__(detail)


class NotConnected(CallError):
    """The caller has dropped out of the call."""

    def __init__(self, detail: str = "You are not connected to the call any more. Rejoin it first.") -> None:
        super().__init__(detail)


class NotPossibleNow(CallError):
    """Amazon Connect refuses in the call's present state."""


class RateExceeded(CallError):
    """The user has started as many calls as the configuration allows in its window."""


class CapacityReached(CallError):
    """AWS throttled us or a quota is used up."""

    retry_after = 2


class Unavailable(CallError):
    """AWS is failing or cannot be reached."""

    retry_after = 5


class CallingStopped(CallError):
    """The operator has switched calling off."""

    retry_after = 60

    def __init__(self, detail: str = "No calls are taken at present. Try again later.") -> None:
        super().__init__(detail)


class TimedOut(CallError):
    """AWS did not answer in time; what it did is unknown."""

    retry_after = 5


class AnswerIncomplete(CallError):
    """AWS answered without a part that an app needs."""


class ConfigurationFault(CallError):
    """AWS refused because of how this system is deployed; only its operator can mend it."""

    def __init__(
        self, detail: str = "The service is not set up correctly. Its operator has been alarmed."
    ) -> None:
        super().__init__(detail)
