"""AWS's services as the functions' clients see them: each request takes its time, and can fail in every way.

The clients stand where botocore's would, not at the HTTP level: signing and parsing would take most of the
time, and are what `tests.lambdas` tests. So botocore's second attempt is made here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.lambdas.fake_aws import RefusedError
from tests.simulation.course import Decisions
from tests.simulation.scheduler import Killed, Scheduler

_session = botocore.session.get_session()

Perform = Callable[[str, dict[str, Any]], dict[str, Any]]
"""What a service does for an operation and its parameters. Raises `RefusedError`."""

# What can happen to a request, beside that it is answered.
DIES_BEFORE, DIES_AFTER = 1, 2
LOST_BEFORE, LOST_AFTER, LATE = 3, 4, 5
UNREACHABLE, THROTTLED, FAILED, FAILED_AFTER, INCOMPLETE = 6, 7, 8, 9, 10
MODELLED = 11
"""This one and the next numbers are the errors that AWS's model of the operation has."""
MOST_MODELLED = 10

FAULTS = {
    DIES_BEFORE: "the function dies before it",
    DIES_AFTER: "the function dies after it",
    LOST_BEFORE: "it times out and does nothing",
    LOST_AFTER: "it times out after it took effect",
    LATE: "it times out and takes effect later",
    UNREACHABLE: "the connection is closed",
    THROTTLED: "throttled",
    FAILED: "fails with status 500",
    FAILED_AFTER: "fails with status 500 after it took effect",
    INCOMPLETE: "the answer lacks a part",
}

_LATENCY = 10  # milliseconds
DELAYS = (0, 2, 8, 40, 150, 600, 1500)
"""Milliseconds that a request or its answer may take longer."""
LATE_BY = 2500  # milliseconds after the time-out

_BACKOFF = (30, 900)  # milliseconds


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service of AWS's as a client is made for it."""

    name: str
    operations: tuple[str, ...]
    read_timeout: int
    """Milliseconds."""
    attempts: int = 2
    lacks_members: bool = False
    """Whether an answer may lack any of its members."""
    facts: frozenset[tuple[str, str]] = frozenset()
    """Operations, each with an error that states a fact. While it is none, no product could tell: AWS is
    taken at its word.
    """


@dataclass
class Invocation:
    """One run of a function."""

    name: str
    function: str
    user: str | None
    """Whom it acts for; None for a flow's, and for events."""
    requests: int = 0
    faults: int = 0
    """How many of its requests did not just succeed."""


@cache
def modelled_errors(service: Service, operation: str) -> tuple[tuple[str, int], ...]:
    """Code and HTTP status of the errors that AWS's model of an operation has, other than stated facts."""
    model = _session.get_service_model(service.name).operation_model(operation)
    errors = [
        (shape.name, shape.metadata.get("error", {}).get("httpStatusCode", 400))
        for shape in model.error_shapes
    ]
    return tuple(error for error in errors if (operation, error[0]) not in service.facts)


class _Exceptions:
    """As botocore's clients have them, for those who name errors by class."""

    class ConditionalCheckFailedException(ClientError):
        """See `_client_error`."""


class Client:
    """A client of one service."""

    def __init__(
        self,
        service: Service,
        perform: Perform,
        *,
        scheduler: Scheduler,
        decisions: Decisions,
        faults: Mapping[int, float],
        delay_chance: float,
        note: Callable[[str], None] | None,
    ) -> None:
        self._service = service
        self._operations = {xform_name(operation): operation for operation in service.operations}
        self._perform = perform
        self._scheduler = scheduler
        self._decisions = decisions
        self._faults = faults
        self._delay_chance = delay_chance
        self._note = note
        self.exceptions = _Exceptions
        self.quiet_at: int | None = None
        """From when nothing fails any more."""

    def __getattr__(self, name: str) -> Callable[..., Mapping[str, Any]]:
        operation = self._operations[name]
        return lambda **parameters: self._call(operation, parameters)

    def _call(self, operation: str, parameters: dict[str, Any]) -> Mapping[str, Any]:
        attempts = self._service.attempts
        for attempt in range(1, attempts + 1):
            try:
                return self._attempt(operation, parameters)
            except (ClientError, ConnectionClosedError, ReadTimeoutError) as error:
                if attempt == attempts or not _is_transient(error):
                    raise
                backoff = self._decisions.choose(
                    f"{self._invocation.name}.{self._invocation.requests} backoff", 2
                )
                self._scheduler.wait(_BACKOFF[backoff])
        raise AssertionError

    @property
    def _invocation(self) -> Invocation:
        task = self._scheduler.current
        assert task is not None
        invocation: Invocation = task.context
        return invocation

    def _attempt(self, operation: str, parameters: dict[str, Any]) -> Mapping[str, Any]:
        invocation = self._invocation
        invocation.requests += 1
        name = f"{invocation.name}.{invocation.requests}"
        is_quiet = self.quiet_at is not None and self._scheduler.now >= self.quiet_at
        fault = 0 if is_quiet else self._decisions.weigh(f"{name} fault", self._faults)
        if fault:
            invocation.faults += 1
        chance = self._delay_chance
        there = self._decisions.choose(f"{name} request", len(DELAYS), chance)
        back = self._decisions.choose(f"{name} answer", len(DELAYS), chance)
        self._scheduler.wait(_LATENCY + DELAYS[there])
        if self._note:
            self._tell(name, operation, fault)
        if fault == DIES_BEFORE:
            raise Killed
        answer: dict[str, Any] = {}
        if fault in {0, DIES_AFTER, LOST_AFTER, FAILED_AFTER, INCOMPLETE}:
            try:
                answer = self._perform(operation, parameters)
            except RefusedError as refused:
                status, code, reported = refused.answer
                self._answer(back)
                raise _client_error(operation, code or "", status, reported) from None
        if fault == DIES_AFTER:
            raise Killed
        self._answer(back)
        self._fail(operation, parameters, fault)
        if fault >= MODELLED:
            errors = modelled_errors(self._service, operation)
            code, status = errors[(fault - MODELLED) % len(errors)]
            raise _client_error(operation, code, status, {})
        if fault == INCOMPLETE and self._service.lacks_members:
            dropped = self._decisions.choose(f"{name} lacks", max(1, len(answer)))
            answer = {
                member: value for number, (member, value) in enumerate(answer.items()) if number != dropped
            }
        return answer

    def _answer(self, delay: int) -> None:
        # At once, unless it is late: the next request takes its time too, so no order is lost.
        if delay:
            self._scheduler.wait(DELAYS[delay])

    def _fail(self, operation: str, parameters: dict[str, Any], fault: int) -> None:
        if fault in {LOST_BEFORE, LOST_AFTER, LATE}:
            timeout = self._service.read_timeout
            if fault == LATE:
                self._scheduler.after(timeout + LATE_BY, lambda: self._perform_late(operation, parameters))
            self._scheduler.wait(timeout)
            raise ReadTimeoutError(endpoint_url="https://aws.example")
        if fault == UNREACHABLE:
            raise ConnectionClosedError(endpoint_url="https://aws.example")
        if fault == THROTTLED:
            raise _client_error(operation, "ThrottlingException", 400, {})
        if fault in {FAILED, FAILED_AFTER}:
            raise _client_error(operation, "InternalServerError", 500, {})

    def _perform_late(self, operation: str, parameters: dict[str, Any]) -> None:
        if self._note:
            self._note(f"{operation} takes effect at last")
        try:
            self._perform(operation, parameters)
        except RefusedError:
            return

    def _tell(self, name: str, operation: str, fault: int) -> None:
        assert self._note is not None
        what = FAULTS.get(fault, "")
        if fault >= MODELLED:
            errors = modelled_errors(self._service, operation)
            what = errors[(fault - MODELLED) % len(errors)][0]
        self._note(f"{name} {operation}{': ' + what if what else ''}")


def _client_error(operation: str, code: str, status: int, reported: Mapping[str, Any]) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": ""},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "request"},
        **reported,
    }
    made = getattr(_Exceptions, code, ClientError)
    error: ClientError = made(response, operation)
    return error


def _is_transient(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return True
    code = error.response["Error"]["Code"]
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status in {500, 502, 503, 504} or code in {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionInProgressException",
    }
