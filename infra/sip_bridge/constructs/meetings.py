"""The meetings of the Amazon Chime SDK that a deployment makes, one for each call."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from infra.acknowledgements import acknowledge
from infra.grants import Grantee


@dataclass(frozen=True, kw_only=True)
class Meetings:
    """Those that carry `external_id`, by which their events are told from those of other meetings."""

    external_id: str

    def grant_create(self, function: Grantee) -> None:
        """Lets `function` make meetings with their attendees, and delete them."""
        function.policy.add_statements(
            iam.PolicyStatement(
                sid="CreateMeetings", actions=["chime:CreateMeetingWithAttendees"], resources=["*"]
            )
        )
        acknowledge(
            function.policy,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            reason="CreateMeetingWithAttendees makes what could be named, and supports no resource-level "
            "permissions: IAM takes only * for it.",
        )
        self.grant_delete(function)

    def grant_rejoin(self, function: Grantee) -> None:
        """Lets `function` have callers come back into a meeting, and delete it."""
        self._grant(function, "chime:CreateAttendee", "chime:DeleteMeeting", "chime:GetAttendee")

    def grant_delete(self, function: Grantee) -> None:
        """Lets `function` delete meetings, which ends them."""
        self._grant(function, "chime:DeleteMeeting")

    def _grant(self, function: Grantee, *actions: str) -> None:
        stack = Stack.of(function.policy)
        meetings = stack.format_arn(service="chime", resource="meeting", resource_name="*")
        function.policy.add_statements(
            iam.PolicyStatement(sid="Meetings", actions=list(actions), resources=[meetings])
        )
        acknowledge(
            function.policy,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{meetings}]",
            reason="Meetings come into being while the function runs: one for each call.",
        )
