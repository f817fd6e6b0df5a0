"""Where calls are remembered."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.acknowledgements import acknowledge


class CallTable(Construct):
    """One item per user: the user's current call. Hours after its use `ExpiresAt` removes it."""

    def __init__(self, scope: Construct, id_: str, *, key: kms.Key, bridged: bool) -> None:
        """`bridged` calls are found by their reference, which is all that their contacts present, and by
        their meeting too.
        """
        super().__init__(scope, id_)
        self._key = key
        # Not TableV2: cdk-nag does not look at it.
        self.table = dynamodb.Table(
            self,
            # Another table: CloudFormation adds or removes one index of a table at a time, and this is two.
            "BridgedTable" if bridged else "Table",
            partition_key=dynamodb.Attribute(name="UserId", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="ExpiresAt",
            # Calls last hours; what they leave behind is in Connect's contact records.
            removal_policy=RemovalPolicy.DESTROY,
        )
        for attribute in ("ContactId", "Reference", "MeetingId") if bridged else ("ContactId",):
            self.table.add_global_secondary_index(
                index_name=_index(attribute),
                partition_key=dynamodb.Attribute(name=attribute, type=dynamodb.AttributeType.STRING),
                projection_type=dynamodb.ProjectionType.KEYS_ONLY,
            )
        acknowledge(
            self.table,
            "HIPAA.Security::HIPAA.Security-DynamoDBInBackupPlan",
            "NIST.800.53.R4::NIST.800.53.R4-DynamoDBInBackupPlan",
            "NIST.800.53.R5::NIST.800.53.R5-DynamoDBInBackupPlan",
            reason="An item describes a call under way and expires within hours of it. Point-in-time "
            "recovery covers the table's loss; a daily backup would only keep personal data longer than it "
            "is needed.",
        )

    def statements(self, *actions: str, query_by: Sequence[str] = ()) -> list[iam.PolicyStatement]:
        """What a role needs for `actions` ("dynamodb:GetItem") on items, the key's included, and no more.

        `query_by` are attributes ("ContactId") by which it may find the user of a call too.
        """
        stack = Stack.of(self)
        indexes = [f"{self.table.table_arn}/index/{_index(attribute)}" for attribute in query_by]
        find = iam.PolicyStatement(sid="FindCalls", actions=["dynamodb:Query"], resources=indexes)
        return [
            iam.PolicyStatement(sid="Calls", actions=list(actions), resources=[self.table.table_arn]),
            *([find] if indexes else []),
            iam.PolicyStatement(
                sid="UseKeyOfCalls",
                actions=["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"],
                resources=[self._key.key_arn],
                conditions={
                    "StringEquals": {"kms:ViaService": f"dynamodb.{stack.region}.amazonaws.com"},
                },
            ),
        ]


def _index(attribute: str) -> str:
    """The name of the index by an attribute, as lambdas/calls/table.py spells it."""
    return f"By{attribute}"
