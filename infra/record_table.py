"""What the tables of records of calls have in common."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.alarms import PERIOD, Alarm
from infra.grants import Grantee


class RecordTable(Construct):
    """A table of records that outlive a call by hours: `ExpiresAt` (epoch seconds) removes them."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        key: kms.IKey,
        records: str,
        title: str,
        partition_key: str,
        index: str,
        index_key: str,
        index_sort_key: str | None = None,
        deletion_protection: bool | None = None,
    ) -> None:
        """The keys are strings, but that which the index sorts by is a number; the index holds keys alone.
        `records` is part of the ids of statements, `title` is the graph's.
        """
        super().__init__(scope, id_)
        self._key, self._records, self._title, self._index = key, records, title, index
        # Not TableV2: cdk-nag does not look at it.
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name=partition_key, type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="ExpiresAt",
            # Calls last hours; what they leave behind is in Connect's contact records.
            removal_policy=RemovalPolicy.DESTROY,
            deletion_protection=deletion_protection,
        )
        self.table.add_global_secondary_index(
            index_name=index,
            partition_key=dynamodb.Attribute(name=index_key, type=dynamodb.AttributeType.STRING),
            sort_key=None
            if index_sort_key is None
            else dynamodb.Attribute(name=index_sort_key, type=dynamodb.AttributeType.NUMBER),
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

    def grant_read(self, function: Grantee) -> None:
        """Lets `function` read an item by its key."""
        self._grant(function, "dynamodb:GetItem")

    def grant_update(self, function: Grantee) -> None:
        """Lets `function` change an item by its key."""
        self._grant(function, "dynamodb:UpdateItem")

    def grant_read_write(self, function: Grantee) -> None:
        """Lets `function` read and change an item by its key."""
        self._grant(function, "dynamodb:GetItem", "dynamodb:UpdateItem")

    def grant_find(self, function: Grantee) -> None:
        """Lets `function` find items by the index."""
        function.policy.add_statements(
            iam.PolicyStatement(
                sid=f"Find{self._records}",
                actions=["dynamodb:Query"],
                resources=[f"{self.table.table_arn}/index/{self._index}"],
            )
        )

    def _grant(self, function: Grantee, *actions: str) -> None:
        """`actions` on items, and of the key what they take."""
        region = Stack.of(self).region
        function.policy.add_statements(
            iam.PolicyStatement(sid=self._records, actions=list(actions), resources=[self.table.table_arn]),
            iam.PolicyStatement(
                sid=f"UseKeyOf{self._records}",
                actions=["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"],
                resources=[self._key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": f"dynamodb.{region}.amazonaws.com"}},
            ),
        )

    def alarms(self) -> list[Alarm]:
        """None: what a throttled write does to callers, their function's alarms say."""
        return []

    def graphs(self) -> list[list[cloudwatch.IWidget]]:
        """Throttled writes and consumed capacity."""
        return [
            [
                cloudwatch.GraphWidget(
                    title=self._title,
                    width=12,
                    left=[self.table.metric_consumed_write_capacity_units(period=PERIOD)],
                    right=[self.table.metric_throttled_requests_for_operation("UpdateItem", period=PERIOD)],
                )
            ]
        ]
