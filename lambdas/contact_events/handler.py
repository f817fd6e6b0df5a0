"""The Lambda function behind the queue of Amazon Connect's contact events, and of a transport's own."""

import json
import os
from collections.abc import Mapping
from typing import Any

from runtime import aws
from runtime.errors import ServiceError
from runtime.startup import finish_init
from runtime.telemetry import count, log_unforeseen, logger, measure, metrics, tracer

from calls.connect import ConnectInstance
from calls.errors import RetryLater
from calls.record import now
from calls.table import CallTable
from calls.transport import load_transport
from contact_events.domain import ContactEvents, EndedCall

_dynamodb = aws.client("dynamodb")
_calls = CallTable(_dynamodb, os.environ["CALLS_TABLE"])
_transport = load_transport("contact_events", calls=_calls, dynamodb=_dynamodb)
_contact_events = ContactEvents(
    _calls, ConnectInstance(aws.client("connect"), os.environ["CONNECT_INSTANCE_ARN"]), now
)

finish_init()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(batch: Mapping[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Takes a batch of SQS messages, each an EventBridge event; answers which must be delivered again."""
    failed = [message["messageId"] for message in batch["Records"] if not _process_record(message)]
    count("EventsHandled", len(batch["Records"]) - len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _process_record(message: Mapping[str, Any]) -> bool:
    """Whether the message is done with."""
    try:
        # Twice, since a message counts as received also when Lambda was throttled.
        early_delivery = int(message["attributes"]["ApproximateReceiveCount"]) <= 2
        event = _transport.read_event(json.loads(message["body"]), early_delivery=early_delivery)
        ended = None if event is None else _contact_events(event, early_delivery=early_delivery)
    except RetryLater:
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


def _measure(call: EndedCall) -> None:
    count("CallEnded")
    if call.was_abandoned:
        count("CallAbandonedInQueue")
    if call.waited is not None:
        measure("TimeToAnswer", call.waited)
    if call.talked is not None:
        measure("CallDuration", call.talked)
