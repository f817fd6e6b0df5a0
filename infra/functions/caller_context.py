"""The function that verifies callers for contact flows."""

from __future__ import annotations

from aws_cdk import Duration
from constructs import Construct

from infra.assets.bundling import FunctionSource
from infra.functions.function import CallFunction, CallFunctionDefaults

SOURCE = FunctionSource(
    handler="caller_context.handler.handler",
    aws_operations={"dynamodb": ("UpdateItem",)},
)

# A contact flow waits for 8 s at most, retries included.
_TIMEOUT = Duration.seconds(7)


class CallerContextFunction(CallFunction):
    """Answers a contact flow who calls, by the reference that the contact presents."""

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
            description="Answers a contact flow who calls",
            timeout=_TIMEOUT,
            environment={},
        )
        self.show_counts("Callers", "ContactVerified", "ContactUnverified", "ContactAbandoned")
