"""The Lambda function that the contact flow invokes, associated with the Connect instance."""

import os
from collections.abc import Mapping
from typing import Any

from runtime import aws
from runtime.errors import ServiceError
from runtime.startup import finish_init
from runtime.telemetry import count, log_unforeseen, logger, metrics, tracer

from caller_context.domain import UNVERIFIED, verify
from calls.record import now
from calls.table import CallTable
from calls.transport import load_transport

_dynamodb = aws.client("dynamodb")
_calls = CallTable(_dynamodb, os.environ["CALLS_TABLE"])
_transport = load_transport("caller_context", calls=_calls, dynamodb=_dynamodb)

finish_init()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Answers a flat map of strings (the flow's STRING_MAP) with `auth_status`, and never raises into the
    flow.

    What goes wrong is `unverified`: the caller still reaches an agent, who then asks who it is.
    """
    credential = None
    try:
        credential = _transport.read_credential(event)
        answer = verify(credential, _calls, now())
    except ServiceError as error:
        logger.error("Caller not verified", error_type=type(error).__name__)
        answer = {"auth_status": UNVERIFIED}
    except Exception as error:  # noqa: BLE001
        log_unforeseen(error)
        count("UnforeseenError")
        answer = {"auth_status": UNVERIFIED}
    contact_id = credential.contact_id if credential else None
    logger.info("Contact checked", auth_status=answer["auth_status"], contact_id=contact_id)
    count(f"Contact{answer['auth_status'].capitalize()}")
    return answer
