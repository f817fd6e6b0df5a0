"""Events as AWS sends them to the functions."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.lambdas.conftest import INSTANCE_ARN

START = 1_790_000_000_000
REQUEST_ID = "extended-request-id="
CLAIMS = {
    "sub": "user-1",
    "aud": "client",
    "auth_time": "1790000000",
    "cognito:username": "user-1",
    "email": "SECRET-EMAIL@example.com",
    "email_verified": "true",
    "custom:tier": "SECRET-TIER",
    "exp": "Tue Jun 04 04:23:31 UTC 2019",
    "iat": "Tue Jun 04 03:23:31 UTC 2019",
    "iss": "https://cognito-idp.eu-west-2.amazonaws.com/pool",
    "name": "SECRET-CLAIM-NAME",
    "token_use": "id",
}


@dataclass
class LambdaContext:
    """What the runtime passes beside the event."""

    function_name: str = "start-call"
    function_version: str = "1"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-west-2:111122223333:function:start-call:live"
    aws_request_id: str = "00000000-0000-4000-8000-000000000000"


def start_call_event(
    body: str | None = None,
    headers: dict[str, str] | None = None,
    claims: dict[str, str] | None = None,
    *,
    base64: bool = False,
) -> dict[str, Any]:
    """A proxy request of a REST API with a Cognito authorizer."""
    sent = {
        "Authorization": "Bearer SECRET-TOKEN",
        "Content-Type": "application/json",
        "Host": "api.example",
        **(headers or {}),
    }
    return {
        "resource": "/start-call",
        "path": "/start-call",
        "httpMethod": "POST",
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "requestId": "chosen-by-the-client",
            "extendedRequestId": REQUEST_ID,
            "stage": "v1",
            "authorizer": {"claims": CLAIMS if claims is None else claims},
            "identity": {"sourceIp": "192.0.2.1"},
        },
        "body": body,
        "isBase64Encoded": base64,
    }


def call_event(
    method: str,
    resource: str,
    contact_id: str | None,
    body: str | None = None,
    headers: dict[str, str] | None = None,
    claims: dict[str, str] | None = None,
    *,
    base64: bool = False,
) -> dict[str, Any]:
    """A proxy request about a call, `resource` as in openapi.yaml."""
    return start_call_event(body, headers, claims, base64=base64) | {
        "resource": resource,
        "path": resource.replace("{ContactId}", str(contact_id)),
        "httpMethod": method,
        "pathParameters": None if contact_id is None else {"ContactId": contact_id},
    }


def flow_event(attributes: dict[str, str], **contact: Any) -> dict[str, Any]:
    """What a contact flow sends to its Lambda function for a WebRTC contact."""
    return {
        "Details": {
            "ContactData": {
                "Attributes": attributes,
                "AwsRegion": "eu-west-2",
                "Channel": "VOICE",
                "ContactId": "contact-1",
                "CustomerEndpoint": None,
                "InitialContactId": "contact-1",
                "InitiationMethod": "WEBRTC_API",
                "InstanceARN": INSTANCE_ARN,
                "Name": "SECRET-DISPLAY-NAME",
                "PreviousContactId": "contact-1",
                "Queue": None,
                "SystemEndpoint": None,
                "Tags": {},
                **contact,
            },
            "Parameters": {},
        },
        "Name": "ContactFlowEvent",
    }


NOT_YET = "1970-01-01T00:00:00.001Z"


def contact_event(
    event_type: str,
    contact_id: str = "contact-1",
    *,
    queued: float | None = None,
    connected: float | None = None,
    ended: float | None = None,
    at: float | None = None,
    not_yet: bool = False,
    **detail: Any,
) -> dict[str, Any]:
    """An event of Connect as EventBridge delivers it; times are `START` plus seconds.

    `not_yet` writes times that have not come as Connect does in some events; in others it leaves them out.
    """
    of_queue, of_agent, of_end = (
        NOT_YET if time is None and not_yet else _timestamp(time) for time in (queued, connected, ended)
    )
    latest = max(time or 0 for time in (queued, connected, ended, at))
    times = {
        "queueInfo": of_queue and {"queueArn": "arn", "queueType": "STANDARD", "enqueueTimestamp": of_queue},
        "agentInfo": of_agent and {"agentArn": "arn", "connectedToAgentTimestamp": of_agent},
        "disconnectTimestamp": of_end,
    }
    return {
        "version": "0",
        "id": "0f000000-0000-4000-8000-000000000010",
        "detail-type": "Amazon Connect Contact Event",
        "source": "aws.connect",
        "account": "111122223333",
        "time": datetime.fromtimestamp(START // 1000 + int(latest), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "eu-west-2",
        "resources": ["arn", INSTANCE_ARN],
        "detail": {
            "eventType": event_type,
            "contactId": contact_id,
            "channel": "VOICE",
            "instanceArn": INSTANCE_ARN,
            "initiationMethod": "WEBRTC_API",
            "initiationTimestamp": _timestamp(0.12),
            "connectedToSystemTimestamp": NOT_YET,
            "segmentAttributes": {"connect:Subtype": {"valueString": "connect:WebRTC"}},
            "tags": {"aws:connect:instanceId": "SECRET-TAG"},
            **{name: value for name, value in times.items() if value},
            **detail,
        },
    }


def sqs_batch(*bodies: dict[str, Any] | str, received: int = 1) -> dict[str, Any]:
    """A batch of SQS messages `message-0`, `message-1`, …, received for the `received`th time."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": "SECRET-HANDLE",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": str(received)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-2:111122223333:events",
                "awsRegion": "eu-west-2",
            }
            for number, body in enumerate(bodies)
        ]
    }


def _timestamp(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    moment = datetime.fromtimestamp(START / 1000 + seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
