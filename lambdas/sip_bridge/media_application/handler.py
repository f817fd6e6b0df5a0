"""The Lambda function that the SIP media application invokes and waits for."""

import os
from collections.abc import Mapping
from typing import Any

from runtime import aws
from runtime.errors import ServiceError
from runtime.startup import finish_init
from runtime.telemetry import count, log_unforeseen, logger, metrics, tracer

from sip_bridge.media_application.actions import Bridge, hang_up
from sip_bridge.media_application.domain import Answer, answer
from sip_bridge.media_application.event import read_event
from sip_bridge.meetings import Meetings

_bridge = Bridge(os.environ["VOICE_CONNECTOR_ARN"], os.environ["CALLER_NUMBER"])
# The service waits 5 s for an answer before it repeats the event, and hangs up after 20 s.
_meetings = Meetings(aws.client("chime-sdk-meetings", read_timeout=1))

finish_init()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answers an event of the SIP media application with actions.

    Never raises: a call without an answer would ring on, or stay up and be paid for.
    """
    count("SipMediaEventsAnswered")
    try:
        reply = _reply(event)
    except Exception as error:  # noqa: BLE001
        log_unforeseen(error)
        count("UnforeseenError")
        reply = Answer([hang_up()])
    response: dict[str, Any] = {"SchemaVersion": "1.0", "Actions": reply.actions}
    if reply.attributes:
        response["TransactionAttributes"] = dict(reply.attributes)
    return response


def _reply(event: Mapping[str, Any]) -> Answer:
    read = read_event(event)
    logger.info(
        "Call event",
        event_type=read.event_type,
        transaction_id=read.transaction_id,
        action_type=read.action_type,
        error_type=read.error_type,
        sip_response_code=read.sip_response_code,
    )
    reply = answer(read, _bridge)
    if reply.metric is not None:
        count(reply.metric)
    if reply.ended_meeting_id is not None:
        _delete(reply.ended_meeting_id)
    return reply


def _delete(meeting_id: str) -> None:
    """Deletes a meeting, as any event that ends a call does; whatever goes wrong is counted by `Meetings`."""
    try:
        _meetings.delete(meeting_id)
    except ServiceError as error:
        logger.warning("Meeting not deleted", error_type=type(error).__name__)
    except Exception as error:  # noqa: BLE001
        # The legs must be hung up all the same.
        log_unforeseen(error)
        count("UnforeseenError")
