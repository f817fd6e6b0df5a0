"""The Lambda function behind the CDK's custom resource provider (`aws_cdk.custom_resources.Provider`).

When an update fails or is rolled back, CloudFormation sends the former properties as another update: that one
clears away what the failed update has made. A failed creation must clear up after itself, since the provider
does not let CloudFormation's deletion of it through.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from runtime.startup import finish_init
from runtime.telemetry import log_unforeseen, logger, tracer

from sip_bridge.resources.account import Service, ServiceCall, client
from sip_bridge.resources.caller_number import CallerNumber
from sip_bridge.resources.contact_flow_number import ContactFlowNumber
from sip_bridge.resources.errors import InvalidProperty, NothingDone, ResourceError
from sip_bridge.resources.properties import Properties
from sip_bridge.resources.resource import Before, Made, Patience, Resource
from sip_bridge.resources.sip_rule import SipRule
from sip_bridge.resources.voice_connector_settings import VoiceConnectorSettings


def resources_of(
    voice: ServiceCall, connect: ServiceCall, secrets: ServiceCall, patience: Patience
) -> Mapping[str, Resource]:
    """Every resource by its type in the template, in the account that the services belong to."""
    return {
        "Custom::CallerNumber": CallerNumber(voice, patience),
        "Custom::SipRule": SipRule(voice, patience),
        "Custom::VoiceConnectorSettings": VoiceConnectorSettings(voice, secrets),
        "Custom::ContactFlowNumber": ContactFlowNumber(connect),
    }


_patience = Patience(time.monotonic, time.sleep)
_resources = resources_of(
    voice=Service(client("chime-sdk-voice"), _patience),
    connect=Service(client("connect"), _patience),
    secrets=Service(client("secretsmanager"), _patience),
    patience=_patience,
)

finish_init()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Brings a resource to what CloudFormation requests.

    Raises `ResourceError`, whose text CloudFormation shows to the operator.
    """
    resource_type, request_type = event.get("ResourceType"), event.get("RequestType")
    logger.append_keys(resource_type=resource_type, request_type=request_type)
    try:
        made = _done(event)
    except ResourceError as error:
        logger.error("Resource failed", reason=str(error))
        raise
    except Exception as error:  # noqa: BLE001 - its text could quote anything
        log_unforeseen(error)
        raise ResourceError(
            f"{resource_type}: {request_type} failed with {type(error).__name__}.\n"
            "Fix: see this function's log."
        ) from None
    logger.info("Resource done", physical_id=made.physical_id)
    return {"PhysicalResourceId": made.physical_id, "Data": dict(made.data)}


def _done(event: Mapping[str, Any]) -> Made:
    resource_type = event["ResourceType"]
    resource = _resources.get(resource_type)
    if resource is None:
        raise ResourceError(f"{resource_type} is not known.\nFix: use one of {', '.join(_resources)}.")
    properties = Properties(event["ResourceProperties"], resource_type)
    match event["RequestType"]:
        case "Create":
            return _created(resource, properties)
        case "Update":
            before = Properties(event["OldResourceProperties"], resource_type)
            return _updated(resource, properties, Before(event["PhysicalResourceId"], before))
    resource.delete(properties, event["PhysicalResourceId"])
    return Made(event["PhysicalResourceId"])


def _created(resource: Resource, properties: Properties) -> Made:
    try:
        return resource.put(properties, None)
    except NothingDone:
        raise
    except Exception as error:
        try:
            resource.discard(properties, keep=None)
        except ResourceError as left:
            raise ResourceError(f"{error}\nWhat had been made by then could not be removed: {left}") from None
        raise


def _updated(resource: Resource, properties: Properties, before: Before) -> Made:
    made = resource.put(properties, before)
    # The former properties may be those of a failed update that was to replace this resource.
    with suppress(InvalidProperty):
        resource.discard(before.properties, keep=before.physical_id)
    return made
