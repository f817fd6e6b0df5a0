"""Events as AWS sends them to the functions."""

from dataclasses import dataclass
from typing import Any

from tests.lambdas.conftest import INSTANCE_ARN

REQUEST_ID = "extended-request-id="
CLAIMS = {
    "sub": "user-1",
    "aud": "client",
    "auth_time": "1790000000",
    "cognito:username": "user-1",
    "email": "SECRET-EMAIL@example.com",
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
