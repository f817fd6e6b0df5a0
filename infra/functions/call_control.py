"""The function that callers steer a call with that is under way."""

from __future__ import annotations

import json

from aws_cdk import Duration
from constructs import Construct

from infra.assets.bundling import FunctionSource
from infra.configuration import START_CALL_TIMEOUT_SECONDS
from infra.constructs.waiting_table import WaitingTable
from infra.functions.function import CallFunction, CallFunctionDefaults

SOURCE = FunctionSource(
    handler="call_control.handler.handler",
    aws_operations={
        "connect": ("CreateParticipant", "GetContactMetrics", "GetCurrentMetricData", "StopContact"),
        "connectparticipant": ("CreateParticipantConnection", "SendMessage"),
        "dynamodb": ("GetItem", "Query", "UpdateItem"),
    },
)

# As long as start_call, behind the same gateway; it has less to do.
_TIMEOUT = Duration.seconds(START_CALL_TIMEOUT_SECONDS)


class CallControlFunction(CallFunction):
    """Answers all requests about a call but the one that starts it."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        defaults: CallFunctionDefaults,
        waiting: WaitingTable,
    ) -> None:
        super().__init__(
            scope,
            id_,
            source=SOURCE,
            defaults=defaults,
            description="Returns a call's state and wait, hangs up, lets callers rejoin and send digits",
            timeout=_TIMEOUT,
            environment={
                "WAITING_TABLE": waiting.table.table_name,
                "ALLOWED_ORIGINS": json.dumps(defaults.configuration.api.allowed_origins),
            },
        )
        # A hang-up that fails is its caller's to repeat: it is no fault that alarms.
        self.show_counts("What callers do", "CallHungUp", "CallRejoined", "DigitsSent")
