"""Clients of AWS, and what their failures mean."""

import functools
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

# First of all packages: each of its regular expressions takes megabytes while it is compiled. Once others are
# loaded, that memory goes back to the system every time and comes anew: a twelfth of a cold start.
import urllib3  # noqa: F401

# isort: split
import botocore.session
from botocore import UNSIGNED, exceptions, xform_name
from botocore.config import Config
from botocore.parsers import ResponseParserError

from runtime import errors
from runtime.startup import before_snapshot
from runtime.telemetry import count, log_unforeseen, logger

_session = botocore.session.get_session()

# The gateway waits 29 s and the function 26 s, a contact flow's function has 7 s. One attempt and one retry
# of (connect 1 s + read 2 s) to DynamoDB, which answers in milliseconds, and of (connect 1 s + read 4 s) to
# Connect fit in; botocore's defaults (60 s + 60 s, three attempts) would exceed it with a single call.
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 2},
    # Else put together twice for each request, which takes a twelfth of its time.
    user_agent=_session.user_agent(),
    # botocore checks each request against AWS's models. AWS does so too, so in Lambda it need not; the tests,
    # where there is no AWS, rely on it.
    parameter_validation="AWS_EXECUTION_ENV" not in os.environ,
)
_READ_TIMEOUTS = {"dynamodb": 2}  # seconds

# A request that did not arrive whole in time.
_TIMEOUTS = frozenset({"RequestTimeout", "RequestTimeoutException"})

# Codes with which AWS services say "slower". StartWebRTCContact models only LimitExceededException, but the
# front end that all services share answers with the others, and each service has some of its own.
_THROTTLING = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ResourceLimitExceededException",
        "SlowDown",
        "ThrottledClientException",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class ExpectedError(Exception):
    """AWS answered with an error code that the caller of `call` handles; `answer` is all of that answer."""

    def __init__(self, code: str, answer: Mapping[str, Any]) -> None:
        super().__init__(code)
        self.code = code
        self.answer = answer


def client(
    service: str, *, signed: bool = True, read_timeout: int | None = None, repeats: bool = True
) -> Any:
    """A botocore client of `service` with time-outs that fit a request through API Gateway.

    Not `signed` is for services that are authorised by a token in the request alone. `read_timeout`, in
    seconds, is for those who can wait less. One that never `repeats` a request whose answer was lost is for
    what would then be done twice.
    """
    config = _CONFIG if signed else _CONFIG.merge(Config(signature_version=UNSIGNED))
    timeout = read_timeout or _READ_TIMEOUTS.get(service)
    if timeout is not None:
        config = config.merge(Config(read_timeout=timeout))
    if not repeats:
        config = config.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
    made = _session.create_client(service, config=config)
    # Its connections: the next request opens another.
    before_snapshot(made.close)
    return made


def _configuration_fault() -> errors.ServiceError:
    """Counts a fault that only the operator can fix, which an alarm watches, and returns it."""
    count("ConfigurationFault")
    return errors.ConfigurationFault()


def call(
    service: Any,
    operation: str,
    *,
    expected_errors: Collection[str] = (),
    refused: Callable[[], errors.ServiceError] = _configuration_fault,
    **parameters: Any,
) -> Mapping[str, Any]:
    """The answer of `service`, a botocore client, to `operation`, named as in AWS's reference.

    Raises `ExpectedError` for the codes in `expected_errors`, and for anything else `CapacityReached`,
    `Unavailable`, `TimedOut`, `AnswerIncomplete` or what `refused` makes, a `ConfigurationFault`, after which
    the operation may have been carried out.
    """
    try:
        answer: Mapping[str, Any] = getattr(service, xform_name(operation))(**parameters)
    except exceptions.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in expected_errors:
            raise ExpectedError(code, error.response) from error
        raise _translate(error, operation, refused) from error
    except exceptions.BotoCoreError as error:
        raise _translate(error, operation, refused) from error
    except (AttributeError, TypeError, ValueError, ResponseParserError) as error:
        # What botocore's parser stumbles over, or refuses, when an answer has another shape than AWS's model.
        raise errors.AnswerIncomplete("The contact center's answer cannot be used. Try again.") from error
    return answer


def _translate(
    error: exceptions.BotoCoreError | exceptions.ClientError,
    operation: str,
    refused: Callable[[], errors.ServiceError],
) -> errors.ServiceError:
    """The error of ours that `error`, raised by `operation`, amounts to.

    Logs the operation, AWS's error code and AWS's request id: what AWS's support needs. Never AWS's
    message, which may quote the request.
    """
    if isinstance(error, exceptions.ClientError):
        answer = error.response
        code = answer.get("Error", {}).get("Code", "")
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        request_id = answer.get("ResponseMetadata", {}).get("RequestId", "")
        logger.warning(
            "AWS refused", operation=operation, code=code, status=status, aws_request_id=request_id
        )
        if code in _THROTTLING or status == 429:
            count("Throttled")
            return errors.CapacityReached("The contact center is too busy just now. Try again.")
        if code in _TIMEOUTS or status == 408:
            return _timed_out()
        return _unavailable() if status >= 500 else refused()
    logger.warning("AWS did not answer", operation=operation, error_type=type(error).__name__)
    match error:
        case exceptions.ReadTimeoutError() | exceptions.ConnectTimeoutError():
            return _timed_out()
        case exceptions.HTTPClientError() | exceptions.ConnectionError() | exceptions.IncompleteReadError():
            return _unavailable()
        case _:
            return _configuration_fault()


def reads_answer[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Makes an answer of another shape than `function` reads an `AnswerIncomplete`.

    AWS's models call hardly any member of an answer required; but an alarm goes off, since what is stored may
    be damaged.
    """

    @functools.wraps(function)
    def reading(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            log_unforeseen(error)
            count("UnforeseenError")
            raise errors.AnswerIncomplete("The service could not read its own record. Try again.") from error

    return reading


def _timed_out() -> errors.TimedOut:
    return errors.TimedOut("The contact center did not answer in time. Try again.")


def _unavailable() -> errors.Unavailable:
    return errors.Unavailable("The contact center cannot do this just now. Try again.")
