"""The Amazon Connect instance that takes the calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from infra.acknowledgements import acknowledge
from infra.grants import Grantee


@dataclass(frozen=True, kw_only=True)
class ConnectInstance:
    """An instance that exists, or that the stack creates under `alias`.

    `queue_arns` maps placeholders of contact flows to the queues that they lead to.
    """

    arn: str
    queue_arns: Mapping[str, str]
    alias: str | None = None

    def grant_start_contact(self, function: Grantee, *, contact_flow_arns: Iterable[str]) -> None:
        """Lets `function` start in-app contacts that enter one of these flows; versions of before go on with
        theirs.
        """
        function.grant_while_in_use(
            "StartContacts",
            statements=[
                iam.PolicyStatement(
                    sid="StartContacts",
                    actions=["connect:StartWebRTCContact"],
                    # Evaluated on both: the instance, and the flow that the contact enters.
                    resources=[self.arn, *dict.fromkeys(contact_flow_arns)],
                )
            ],
        )

    def grant_create_participant(self, function: Grantee) -> None:
        """Lets `function` have callers come back into a contact."""
        function.policy.add_statements(
            iam.PolicyStatement(
                sid="CreateParticipants",
                actions=["connect:CreateParticipant"],
                # Evaluated on both (Service Authorization Reference, Amazon Connect).
                resources=[self.arn, self._contacts],
            )
        )
        self._acknowledge_contacts(function)

    def grant_stop_contact(self, function: Grantee) -> None:
        """Lets `function` end contacts."""
        function.policy.add_statements(
            iam.PolicyStatement(
                sid="StopContacts", actions=["connect:StopContact"], resources=[self._contacts]
            )
        )
        self._acknowledge_contacts(function)

    @property
    def _contacts(self) -> str:
        return f"{self.arn}/contact/*"

    def _acknowledge_contacts(self, function: Grantee) -> None:
        # As cdk-nag spells an ARN that is known at deployment only.
        arn = Stack.of(function.policy).resolve(self.arn)
        instance = arn if isinstance(arn, str) else f"<{'.'.join(arn['Fn::GetAtt'])}>"
        acknowledge(
            function.policy,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{instance}/contact/*]",
            reason="Its actions take a contact, and contacts come into being while the function runs. It may "
            "touch those of this one instance.",
        )
