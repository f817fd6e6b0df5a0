"""Clients of AWS, and what their failures mean."""

from typing import Any

import botocore.session
from botocore import exceptions
from botocore.config import Config

from calls import errors
from calls.observability import count, logger

# The gateway waits 29 s and the function 26 s. One request's worst case is one attempt and one retry of
# (connect 1 s + read 4 s) to each of DynamoDB, Connect and DynamoDB, which botocore's defaults
# (60 s + 60 s, three attempts) would exceed with a single call.
_CONFIG = Config(connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})

# Codes with which AWS services say "slower". StartWebRTCContact models only LimitExceededException, but the
# front end that all services share answers with the others.
_THROTTLING = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)

_session = botocore.session.get_session()


def client(service: str) -> Any:
    """A botocore client of `service` with time-outs that fit a request through API Gateway."""
    return _session.create_client(service, config=_CONFIG)


def translate(error: exceptions.BotoCoreError | exceptions.ClientError, operation: str) -> errors.CallError:
    """The error of ours that `error`, raised by `operation`, amounts to.

    Logs the operation, AWS's error code and AWS's request id: what an operator needs to ask AWS. Never AWS's
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
            return errors.CapacityReached("There is no capacity for another call just now. Try again.")
        if status >= 500:
            return _unavailable()
        return configuration_fault()
    logger.warning("AWS did not answer", operation=operation, error_type=type(error).__name__)
    match error:
        case exceptions.ReadTimeoutError() | exceptions.ConnectTimeoutError():
            return errors.TimedOut("The contact center did not answer in time. Try again.")
        case exceptions.HTTPClientError() | exceptions.ConnectionError() | exceptions.IncompleteReadError():
            return _unavailable()
        case _:
            return configuration_fault()


def configuration_fault() -> errors.ConfigurationFault:
    """Counts a fault that only the operator can mend, which an alarm watches, and returns it."""
    count("ConfigurationFault")
    return errors.ConfigurationFault()


def _unavailable() -> errors.Unavailable:
    return errors.Unavailable("The contact center cannot take the call just now. Try again.")
