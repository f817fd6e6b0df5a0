"""The Lambda function behind the queue of Amazon Connect's contact events, and of a SIP bridge's meetings."""

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from calls.connect import ConnectInstance
from calls.contact_event import ContactEvent, read_event
from calls.record import now
from calls.table import CallTable
from contact_events.domain import ContactEvents, EndedCall, TryLaterError
from runtime import aws
from runtime.errors import ServiceError
from runtime.startup import startup_done
from runtime.telemetry import count, log_unforeseen, logger, measure, metrics, tracer

if TYPE_CHECKING:
    from sip_bridge.meeting_events import MeetingEvents

_calls = CallTable(aws.client("dynamodb"), os.environ["CALLS_TABLE"])
_contact_events = ContactEvents(
    _calls,
    ConnectInstance(aws.client("connect"), os.environ["CONNECT_INSTANCE_ARN"]),
    now,
)


def _meeting_events() -> "MeetingEvents | None":
    """What takes note of meetings' events; None without a SIP bridge, where there are no meetings."""
    if "EXTERNAL_MEETING_ID" not in os.environ:
        return None
    # Imported here: most deployments have no bridge, and shall not wait for it in a cold start.
    from sip_bridge.meeting_events import MeetingEvents  # noqa: PLC0415
    from sip_bridge.meetings import Meetings  # noqa: PLC0415

    meetings = Meetings(aws.client("chime-sdk-meetings"))
    return MeetingEvents(_calls, meetings, os.environ["EXTERNAL_MEETING_ID"], now)


_note_meeting = _meeting_events()

startup_done()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(batch: Mapping[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Takes a batch of SQS messages, each an EventBridge event; answers which of them must come again."""
    failed = [message["messageId"] for message in batch["Records"] if not _is_done(message)]
    count("EventsHandled", len(batch["Records"]) - len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_done(message: Mapping[str, Any]) -> bool:
    try:
        # Twice, since a message counts as received also when Lambda was throttled.
        may_be_early = int(message["attributes"]["ApproximateReceiveCount"]) <= 2
        event = _read(json.loads(message["body"]), may_be_early=may_be_early)
        ended = None if event is None else _contact_events(event, may_be_early=may_be_early)
    except TryLaterError:
        logger.info("Event comes too early", message_id=message["messageId"])
        return False
    except ServiceError as error:
        # Its cause was logged where it was met.
        logger.warning("Event not handled", message_id=message["messageId"], error_type=type(error).__name__)
        return False
    except Exception as error:  # noqa: BLE001
        # One bad message must not hold up the others; the dead-letter queue and its alarm take it in the end.
        log_unforeseen(error)
        count("UnforeseenError")
        return False
    logger.info("Event handled", contact_id=event and event.contact_id)
    if ended is not None:
        _measure(ended)
    return True


def _read(envelope: Mapping[str, Any], *, may_be_early: bool) -> ContactEvent | None:
    """What an event tells of a call; None when it tells nothing that is to be noted."""
    if _note_meeting is not None and envelope["source"] == "aws.chime":
        return _note_meeting(envelope, may_be_early=may_be_early)
    return read_event(envelope, bridged=_note_meeting is not None)


def _measure(call: EndedCall) -> None:
    count("CallEnded")
    if call.was_abandoned:
        count("CallAbandonedInQueue")
    if call.waited is not None:
        measure("TimeToAnswer", call.waited)
    if call.talked is not None:
        measure("CallDuration", call.talked)
