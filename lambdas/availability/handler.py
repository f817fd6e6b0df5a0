"""The Lambda function behind `/availability`, which also says to contact flows when a closed queue opens."""

import json
import os
from collections.abc import Mapping
from typing import Any

from runtime import aws
from runtime.startup import finish_init
from runtime.telemetry import count, log_unforeseen, logger, metrics, tracer

from api.endpoint import endpoint
from api.repeated_reads import rfc_3339, tagged_response
from api.request import Request
from api.responses import Response
from availability.closed_flow import Question, is_of_flow, opening_in_words
from availability.connect_hours import ConnectHours
from availability.domain import Availabilities, Availability
from availability.request import parse_topic
from calls.connect_queues import ConnectQueues, client
from calls.queue_state import QueueStates
from calls.readings import SharedReadings
from calls.record import now
from calls.waiting_table import WaitingTable

_queue_ids = json.loads(os.environ["TOPIC_QUEUE_IDS"])
_connect = client()
_instance_arn = os.environ["CONNECT_INSTANCE_ARN"]
_readings = SharedReadings(WaitingTable(aws.client("dynamodb"), os.environ["WAITING_TABLE"]), now)
_availabilities = Availabilities(
    _readings,
    QueueStates(_readings, ConnectQueues(_connect, _instance_arn)),
    ConnectHours(_connect, _instance_arn),
    now,
    queue_ids={topic: queue_id for topic, queue_id in _queue_ids.items() if queue_id},
    default_queue_id=os.environ["QUEUE_ARN"].rpartition("/")[2] or None,
)

finish_init()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(event: Mapping[str, Any], context: object) -> Response | dict[str, str]:
    """Answers API Gateway and contact flows, each as they want it."""
    return _answer_flow(event) if is_of_flow(event) else _answer_app(event, context)


def _answer_flow(event: Mapping[str, Any]) -> dict[str, str]:
    """A flat map of texts (the flow's STRING_MAP): `opening` is `known`, with what the caller hears in
    `opening_text`, or `unknown`. Never raises into the flow.
    """
    text = None
    try:
        question = Question.read(event)
        opening = question and _availabilities.next_opening(question.queue_id)
        if question and opening:
            text = opening_in_words(question, opening)
    except Exception as error:  # noqa: BLE001
        log_unforeseen(error)
        count("UnforeseenError")
    count("AvailabilityRead")
    if text is None:
        count("AvailabilityUnknown")
        return {"opening": "unknown"}
    return {"opening": "known", "opening_text": text}


@endpoint(frozenset(json.loads(os.environ["ALLOWED_ORIGINS"])))
def _answer_app(request: Request) -> Response:
    """Says to whoever is signed in whether somebody takes calls about a topic, as openapi.yaml has it."""
    request.claims  # noqa: B018 - raises for whoever is not
    availability = _availabilities.of(parse_topic(request, _queue_ids))
    count("AvailabilityRead")
    if availability.is_open is None:
        count("AvailabilityUnknown")
    # The same for everybody, but for nobody's proxy: whoever asks has signed in.
    fresh_for = f"private, max-age={availability.ask_again}"
    return tagged_response(request, _body(availability), cache_control=fresh_for)


def _body(availability: Availability) -> str:
    """`Availability` in openapi.yaml; what is not known is left out."""
    members = {
        "Open": availability.is_open,
        "OpensAt": availability.opens_at and rfc_3339(availability.opens_at),
        "ClosesAt": availability.closes_at and rfc_3339(availability.closes_at),
        "Staffed": availability.staffed,
        "ExpectedWaitSeconds": availability.expected_wait,
        "AskAgainAfterSeconds": availability.ask_again,
    }
    return json.dumps({name: value for name, value in members.items() if value is not None})
