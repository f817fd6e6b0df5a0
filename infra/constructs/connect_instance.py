"""The Amazon Connect instance that takes the calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aws_cdk import Fn, Stack, Token
from aws_cdk import aws_iam as iam

from infra.acknowledgements import acknowledge
from infra.grants import Grantee

VERIFIED_QUEUE = "VerifiedQueueArn"
"""The placeholder of contact flows for the queue of callers whose identity is proved."""


@dataclass(frozen=True, kw_only=True)
class ConnectInstance:
    """An instance that exists, or that the stack creates under `alias`.

    `queue_arns` maps placeholders of contact flows to the queues that they lead to.
    """

    arn: str
    queue_arns: Mapping[str, str]
    alias: str | None = None

    @property
    def id(self) -> str:
        """The last part of the ARN."""
        if not Token.is_unresolved(self.arn):
            return self.arn.rpartition("/")[2]
        return Fn.select(1, Fn.split("/", self.arn))

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

    def grant_read_queues(self, function: Grantee, *, queue_arns: Iterable[str]) -> None:
        """Lets `function` read the hours, the staffing and the expected wait of these queues."""
        queues = list(dict.fromkeys(queue_arns))
        if not queues:
            return
        function.policy.add_statements(
            iam.PolicyStatement(
                sid="ReadQueues",
                actions=["connect:DescribeQueue", "connect:GetCurrentMetricData"],
                resources=queues,
            ),
            iam.PolicyStatement(
                sid="ReadHours",
                actions=["connect:GetEffectiveHoursOfOperations"],
                # Evaluated on both (Service Authorization Reference, Amazon Connect).
                resources=[self.arn, f"{self.arn}/operating-hours/*"],
            ),
        )
        self._acknowledge(
            function,
            "operating-hours",
            reason="The action takes hours of operation, and reads them only. Which ones a queue has, an "
            "administrator of this one instance chooses, and changes, in Amazon Connect.",
        )

    def grant_read_waiting(self, function: Grantee) -> None:
        """Lets `function` read where contacts stand in their queues, and how long they may wait."""
        function.policy.add_statements(
            iam.PolicyStatement(
                sid="ReadPositions",
                actions=["connect:GetContactMetrics"],
                # Evaluated on both (Service Authorization Reference, Amazon Connect).
                resources=[self.arn, self._contacts],
            ),
            iam.PolicyStatement(
                sid="ReadWaits",
                actions=["connect:GetCurrentMetricData"],
                resources=[f"{self.arn}/queue/*"],
            ),
        )
        self._acknowledge_contacts(function)
        self._acknowledge(
            function,
            "queue",
            reason="The action takes a queue, and reads figures of it only. Which queue a caller waits in, "
            "the contact flows of this one instance choose while the call goes on.",
        )

    @property
    def _contacts(self) -> str:
        return f"{self.arn}/contact/*"

    def _acknowledge_contacts(self, function: Grantee) -> None:
        self._acknowledge(
            function,
            "contact",
            reason="Its actions take a contact, and contacts come into being while the function runs. It may "
            "touch those of this one instance.",
        )

    def _acknowledge(self, function: Grantee, kind: str, *, reason: str) -> None:
        # As cdk-nag spells an ARN that is known at deployment only.
        arn = Stack.of(function.policy).resolve(self.arn)
        instance = arn if isinstance(arn, str) else f"<{'.'.join(arn['Fn::GetAtt'])}>"
        acknowledge(
            function.policy,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{instance}/{kind}/*]",
            reason=reason,
        )
