"""The function of the SIP media application."""

from __future__ import annotations

from aws_cdk import Duration
from constructs import Construct

from infra.assets.bundling import FunctionSource
from infra.functions.function import Function, FunctionDefaults

SOURCE = FunctionSource(
    handler="sip_bridge.media_application.handler.handler",
    aws_operations={"chime-sdk-meetings": ("DeleteMeeting",)},
)

RUNBOOKS = "docs/sip-bridge.md"

MEETING_FAULTS = {
    "MeetingDeleteFailed": "A meeting that should end could not be deleted. It ends by itself when nobody "
    "is left in it. Look at the function's log.",
}
"""What functions count that end meetings where nobody tries again, and what an operator does about it."""

_BRIDGE_FAULTS = {
    "BridgeFailed": "A call did not get from its meeting to Amazon Connect. Look at the function's log, at "
    "the Voice Connector's routes, and at the SIP host.",
}

# A SIP media application invokes it again after 5 s, and hangs up after 20 s without an answer.
_TIMEOUT = Duration.seconds(10)


class MediaApplicationFunction(Function):
    """Answers the SIP media application which actions come next in a call."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        defaults: FunctionDefaults,
        voice_connector_arn: str,
        caller_number: str,
        number_name: str,
    ) -> None:
        """`number_name` is another one when the configuration names another number."""
        super().__init__(
            scope,
            id_,
            source=SOURCE,
            defaults=defaults,
            description="Leads a call from its meeting to Amazon Connect, and ends both",
            timeout=_TIMEOUT,
            environment={"VOICE_CONNECTOR_ARN": voice_connector_arn, "CALLER_NUMBER": caller_number},
        )
        self.add_faults({**MEETING_FAULTS, **_BRIDGE_FAULTS}, runbooks=RUNBOOKS)
        self.force_new_version(number_name)
        # That nobody answers is no fault of the bridge.
        self.show_counts(
            "Calls over the SIP bridge",
            "CallBridged",
            "BridgeFailed",
            "CallNotAnswered",
            "InboundCallRefused",
        )
