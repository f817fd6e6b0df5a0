"""What can go wrong with a call. `api.problems` alone has the HTTP statuses.

No text here may hold a value that the caller sent or that AWS answered: texts end in logs and answers.
"""

from collections.abc import Collection
from dataclasses import dataclass

from runtime.errors import ServiceError


@dataclass(frozen=True)
class Violation:
    """One rule that a request breaks: where (a JSON pointer, RFC 6901, `header NAME` or `query NAME`)
    and what to change.
    """

    pointer: str
    detail: str


# A caller who fixes these finds out about the rest.
_MAX_VIOLATIONS = 10


class InvalidRequest(ServiceError):
    """The request breaks the contract; `violations` are the first ten ways in which it does."""

    def __init__(self, *violations: Violation) -> None:
        super().__init__("The request is not valid: see errors.")
        self.violations = violations[:_MAX_VIOLATIONS]


class TooLarge(ServiceError):
    """The body is larger than any valid one."""


class UnsupportedMediaType(ServiceError):
    """The body is not JSON by its own declaration."""


class NotSignedIn(ServiceError):
    """The event holds no verified claims with a subject."""


class CallerBlocked(ServiceError):
    """The operator keeps this user from calling."""

    def __init__(self, detail: str = "You cannot call at present. Contact the service another way.") -> None:
        super().__init__(detail)


class AuthenticationInsufficient(ServiceError):
    """The user is signed in, but too long ago or not in a way that this call requires (RFC 9470).

    `max_age_seconds` is the greatest age of a sign-in, None for any; one of `amr` must be among the methods
    that it used (RFC 8176), empty for any.
    """

    def __init__(self, *, max_age_seconds: int | None, amr: Collection[str]) -> None:
        super().__init__("This call needs a sign-in as MaxAge and Amr say. Sign in again, then call.")
        self.max_age_seconds = max_age_seconds
        self.amr = sorted(amr)


class IdempotencyKeyReused(ServiceError):
    """The key came before with another body."""


class RequestInProgress(ServiceError):
    """The first request with this key has not been answered yet."""


class CallActive(ServiceError):
    """The user has another call."""

    def __init__(self, contact_id: str | None, *, retry_after: int | None = None) -> None:
        super().__init__("Another call of this user is active. End it first.", retry_after=retry_after)
        self.contact_id = contact_id


class StartRefused(ServiceError):
    """AWS refused to start this call, and would again: the deployment's fault, or this user's alone."""

    is_repeated = False
    """Whether a start of the same user was refused shortly before."""

    def __init__(self, detail: str = "The contact center refuses this call. Its operator sees that.") -> None:
        super().__init__(detail)


class CallNotFound(ServiceError):
    """The user has no such call; that anybody else has it is not disclosed."""

    def __init__(self, detail: str = "You have no such call.") -> None:
        super().__init__(detail)


class CallEnded(ServiceError):
    """The call is over."""

    def __init__(self, detail: str = "The call has ended.") -> None:
        super().__init__(detail)


class AgentNotConnected(ServiceError):
    """Nobody can come back into a call that no agent has taken yet."""

    def __init__(
        self, detail: str = "No agent has taken the call yet. Until one has, it cannot be rejoined."
    ) -> None:
        super().__init__(detail)


class NotConnected(ServiceError):
    """The caller has dropped out of the call."""

    def __init__(self, detail: str = "You are not connected to the call any more. Rejoin it first.") -> None:
        super().__init__(detail)


class NotPossibleNow(ServiceError):
    """Amazon Connect refuses in the call's present state."""


class ParticipantGone(Exception):
    """A participant's token speaks for nobody any more: it has left, or the connection has expired."""


class RetryLater(Exception):
    """What an event is about is not settled yet: it must be delivered again."""


class RateExceeded(ServiceError):
    """The user has started as many calls as the configuration allows in its window."""


class CallingStopped(ServiceError):
    """The operator has switched calling off."""

    retry_after = 60

    def __init__(self, detail: str = "No calls are taken at present. Try again later.") -> None:
        super().__init__(detail)
