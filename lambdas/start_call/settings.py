"""The function's settings, from its environment variables."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from calls.record import Rate
from start_call.caller import Authentication
from start_call.domain import CallLimits
from start_call.request import RequestPolicy


@dataclass(frozen=True, kw_only=True)
class StartCallSettings:
    """Read once, at import."""

    table: str
    policy: RequestPolicy
    limits: CallLimits
    calling_parameter: str
    """The name of the SSM parameter that switches calling on and off."""
    authentication: Mapping[str, Authentication]
    """Topic to how a user must have signed in for it; "" for topics not named here, and for none."""
    claim_attributes: Mapping[str, str]
    display_name_claim: str
    allowed_origins: frozenset[str]

    def authentication_for(self, topic: str | None) -> Authentication:
        """How a user must have signed in for a call about `topic`."""
        rules = self.authentication
        return rules.get(topic or "") or rules.get("") or Authentication()

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "StartCallSettings":
        """Raises `KeyError` or `ValueError` on a missing or malformed variable, which fails the
        deployment's first call.
        """

        def seconds(name: str) -> int:
            return int(environment[name])

        policy = RequestPolicy(
            instance_arn=environment["CONNECT_INSTANCE_ARN"],
            contact_flow_arn=environment["CONTACT_FLOW_ARN"],
            topics=json.loads(environment["TOPIC_CONTACT_FLOW_ARNS"]),
            attributes=frozenset(json.loads(environment["CALLER_ATTRIBUTES"])),
            capabilities=frozenset(json.loads(environment["CAPABILITIES"])),
        )
        return cls(
            table=environment["CALLS_TABLE"],
            policy=policy,
            limits=CallLimits(
                replay_seconds=seconds("REPLAY_SECONDS"),
                reference_seconds=seconds("REFERENCE_SECONDS"),
                start_lease_seconds=seconds("START_LEASE_SECONDS"),
                max_call_seconds=seconds("LONGEST_CALL_SECONDS"),
                rates=(
                    Rate(calls=int(environment["STARTS_PER_WINDOW"]), seconds=seconds("WINDOW_SECONDS")),
                    Rate(calls=int(environment["STARTS_PER_DAY"]), seconds=86_400),
                ),
            ),
            calling_parameter=environment["CALLING_PARAMETER"],
            authentication=_read_authentication(environment["AUTHENTICATION"]),
            claim_attributes=json.loads(environment["CLAIM_ATTRIBUTES"]),
            display_name_claim=environment["DISPLAY_NAME_CLAIM"],
            allowed_origins=frozenset(json.loads(environment["ALLOWED_ORIGINS"])),
        )


def _read_authentication(text: str) -> dict[str, Authentication]:
    return {
        topic: Authentication(max_age_seconds=rule["max_age_seconds"], amr=frozenset(rule["amr"]))
        for topic, rule in json.loads(text).items()
    }
