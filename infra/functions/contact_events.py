"""The function that takes contact events."""

from __future__ import annotations

from constructs import Construct

from infra.assets.bundling import FunctionSource
from infra.constructs.contact_events import FUNCTION_TIMEOUT
from infra.functions.function import STOP_FAULTS, CallFunction, CallFunctionDefaults

SOURCE = FunctionSource(
    handler="contact_events.handler.handler",
    aws_operations={
        "connect": ("StopContact",),
        "dynamodb": ("GetItem", "Query", "UpdateItem"),
    },
)


class ContactEventsFunction(CallFunction):
    """Notes how calls go, event by event."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        defaults: CallFunctionDefaults,
    ) -> None:
        super().__init__(
            scope,
            id_,
            source=SOURCE,
            defaults=defaults,
            description="Notes how calls go, and stops contacts that nobody can join",
            timeout=FUNCTION_TIMEOUT,
            environment={},
            reserved_concurrency=defaults.configuration.functions.event_concurrency,
            concurrency_setting="functions.event_concurrency",
            asynchronous=True,
        )
        self.add_faults(STOP_FAULTS)
        self.show_counts("How calls go", "CallEnded", "CallAbandonedInQueue")
        self.show_times("Waiting and talking", "TimeToAnswer", "CallDuration")
