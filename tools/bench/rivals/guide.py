"""The guide's backend as printed, and the fewest lines that make a Lambda function of it.

It keeps no record of calls, validates nothing, and has neither structured log, metrics nor traces.
"""

import json
from typing import Any

import boto3

connect = boto3.client("connect")


def start_call(user_id: str, auth_token: str) -> Any:
    """As printed."""
    response = connect.start_web_rtc_contact(
        InstanceId="your-connect-instance-id",
        ContactFlowId="your-flow-id",
        Attributes={
            "customer_id": user_id,
            "auth_status": "verified",
            "auth_token": auth_token,
        },
        ParticipantDetails={"DisplayName": "John Doe"},
    )
    return response["ConnectionData"], response["ParticipantToken"]


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers a proxy request of API Gateway."""
    user_id = event["requestContext"]["authorizer"]["claims"]["sub"]
    connection_data, token = start_call(user_id, event["headers"]["Authorization"])
    body = json.dumps({"ConnectionData": connection_data, "ParticipantToken": token})
    return {"statusCode": 201, "body": body}
