"""The same job with Powertools for AWS Lambda as its documentation shows it: the event handler with
validation, the idempotency utility over DynamoDB, Logger, Metrics and Tracer with their defaults.
"""

import os
from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent,
)
from pydantic import BaseModel, ConfigDict, StringConstraints

logger = Logger()
metrics = Metrics()
tracer = Tracer()
app = APIGatewayRestResolver(enable_validation=True)
connect = boto3.client("connect")
calls = DynamoDBPersistenceLayer(table_name=os.environ["CALLS_TABLE"])
once = IdempotencyConfig(
    event_key_jmespath='[requestContext.authorizer.claims.sub, headers."Idempotency-Key"]',
    raise_on_no_idempotency_key=True,
)


class StartCallRequest(BaseModel):
    """The body of `POST /start-call`."""

    model_config = ConfigDict(extra="forbid")

    DisplayName: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    Topic: str | None = None
    Attributes: dict[str, str] = {}
    Capabilities: dict[str, bool] = {}


@app.post("/start-call")
@tracer.capture_method(capture_response=False)
def start_call(request: StartCallRequest) -> tuple[dict[str, Any], int]:
    """Starts a contact."""
    claims: dict[str, str] = app.current_event.request_context.authorizer.claims or {}
    answer: Any = connect.start_web_rtc_contact(
        InstanceId=os.environ["CONNECT_INSTANCE_ARN"].rpartition("/")[2],
        ContactFlowId=os.environ["CONTACT_FLOW_ARN"].rpartition("/")[2],
        Attributes={**request.Attributes, "customer_id": claims["sub"], "auth_status": "verified"},
        ParticipantDetails={"DisplayName": request.DisplayName or claims.get("name", "Customer")},
    )
    logger.info("Call started", contact_id=answer["ContactId"])
    metrics.add_metric(name="CallStarted", unit=MetricUnit.Count, value=1)
    names = ("ConnectionData", "ContactId", "ParticipantId", "ParticipantToken")
    return {name: answer[name] for name in names}, 201


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
@idempotent(config=once, persistence_store=calls)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers a proxy request of API Gateway."""
    return app.resolve(event, context)
