"""The function that starts calls."""

from __future__ import annotations

import json

from aws_cdk import Duration, Stack
from constructs import Construct

from infra.alarms import RUNBOOKS, Alarm
from infra.assets.bundling import FunctionSource
from infra.configuration import START_CALL_TIMEOUT_SECONDS
from infra.constructs.calling_switch import CallingSwitch
from infra.contact_center import ContactFlows
from infra.functions.function import STOP_FAULTS, CallFunction, CallFunctionDefaults

SOURCE = FunctionSource(
    handler="start_call.handler.handler",
    aws_operations={
        "connect": ("StartWebRTCContact", "StopContact"),
        "dynamodb": ("GetItem", "UpdateItem"),
        "ssm": ("GetParameter",),
    },
)

# Longer than one attempt of (connect 1 s + read 2 s) at SSM, two of the same at the table, twice, and two of
# (connect 1 s + read 4 s) at Connect: 25 s. Shorter than the gateway's 29 s, so that the function itself
# still answers. A transport that calls more services can take longer at worst: its start is then cleared away
# as one that was killed.
_TIMEOUT = Duration.seconds(START_CALL_TIMEOUT_SECONDS)

# What a single user's requests cannot reach: `StartRefused` counts once for a user within an hour.
_REFUSED_USERS, _REFUSED_WITHIN = 3, Duration.minutes(15)


class StartCallFunction(CallFunction):
    """Answers the request that starts a call."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        defaults: CallFunctionDefaults,
        flows: ContactFlows,
        switch: CallingSwitch,
    ) -> None:
        configuration = defaults.configuration
        limits, allowed = configuration.calls, configuration.capabilities
        capabilities = {"Video": allowed.video, "ScreenShare": allowed.screen_share}
        # The room in the environment is scarce: the shipped flows need none of it.
        flow_attributes = (
            {"FLOW_ATTRIBUTES_BYTES": str(flows.uncounted_bytes)} if flows.uncounted_bytes else {}
        )
        super().__init__(
            scope,
            id_,
            source=SOURCE,
            defaults=defaults,
            description="Starts a call of a signed-in user",
            timeout=_TIMEOUT,
            environment={
                "CONTACT_FLOW_ARN": flows.default_arn,
                "TOPIC_CONTACT_FLOW_ARNS": Stack.of(scope).to_json_string(flows.topic_arns),
                "CALLER_ATTRIBUTES": json.dumps(configuration.attributes.from_caller),
                "CLAIM_ATTRIBUTES": json.dumps(configuration.attributes.from_claims),
                "DISPLAY_NAME_CLAIM": configuration.identity.display_name_claim,
                "CAPABILITIES": json.dumps([name for name, may in capabilities.items() if may]),
                "REPLAY_SECONDS": str(limits.replay_seconds),
                "REFERENCE_SECONDS": str(limits.reference_seconds),
                "START_LEASE_SECONDS": str(limits.start_lease_seconds),
                "LONGEST_CALL_SECONDS": str(limits.longest_call_seconds),
                "STARTS_PER_WINDOW": str(limits.starts_per_window),
                "WINDOW_SECONDS": str(limits.window_seconds),
                "STARTS_PER_DAY": str(limits.starts_per_day),
                "CALLING_PARAMETER": switch.parameter.parameter_name,
                "AUTHENTICATION": json.dumps(
                    {
                        topic: rule.model_dump()
                        for topic, rule in configuration.identity.authentication.items()
                    }
                ),
                "ALLOWED_ORIGINS": json.dumps(configuration.api.allowed_origins),
                **flow_attributes,
            },
        )
        self.add_faults(STOP_FAULTS)
        self.show_counts("Calls", "CallStarted", "CallReplayed", "Throttled")
        self.show_counts("Starts that Amazon Connect refused", "StartRefused", "StartRefusedAgain")

    def alarms(self) -> list[Alarm]:
        """On starts that Amazon Connect refuses to several users, too: one user's count once an hour."""
        return [
            *super().alarms(),
            Alarm(
                name="StartCallStartsRefused",
                metric=self.count("StartRefused").with_(period=_REFUSED_WITHIN),
                threshold=_REFUSED_USERS,
                advice=f"Amazon Connect refused calls of {_REFUSED_USERS} users within "
                f"{_REFUSED_WITHIN.to_minutes():g} minutes: an access right, a contact flow or the instance "
                "is not as configured. Look for 'AWS refused' in the log of start_call.",
                runbook=f"{RUNBOOKS}#startsrefused",
            ),
        ]
