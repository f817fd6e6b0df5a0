"""Where calls are remembered."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.acknowledgements import acknowledge

# As lambdas/calls/table.py names it.
_CONTACT_INDEX = "ByContactId"
_MEETING_INDEX = "ByMeetingId"
_REFERENCE_INDEX = "ByReference"


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
        self._add_index(_CONTACT_INDEX, by="ContactId")
        if bridged:
            self._add_index(_REFERENCE_INDEX, by="Reference")
            self._add_index(_MEETING_INDEX, by="MeetingId")
        acknowledge(
            self.table,
            "HIPAA.Security::HIPAA.Security-DynamoDBInBackupPlan",
            "NIST.800.53.R4::NIST.800.53.R4-DynamoDBInBackupPlan",
            "NIST.800.53.R5::NIST.800.53.R5-DynamoDBInBackupPlan",
            reason="An item describes a call under way and expires within hours of it. Point-in-time "
            "recovery covers the table's loss; a daily backup would only keep personal data longer than it "
            "is needed.",
        )

    def _add_index(self, name: str, *, by: str) -> None:
        self.table.add_global_secondary_index(
            index_name=name,
            partition_key=dynamodb.Attribute(name=by, type=dynamodb.AttributeType.STRING),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )

    def statements(
        self,
        *actions: str,
        query_by_contact: bool = False,
        query_by_reference: bool = False,
        query_by_meeting: bool = False,
    ) -> list[iam.PolicyStatement]:
        """What a role needs for `actions` ("dynamodb:GetItem") on items, the key's included, and no more.

        `query_by_contact`, `query_by_reference` and `query_by_meeting` are for finding the user of a contact,
        of a reference, or of a meeting, too.
        """
        stack = Stack.of(self)
        queried = {
            _CONTACT_INDEX: query_by_contact,
            _REFERENCE_INDEX: query_by_reference,
            _MEETING_INDEX: query_by_meeting,
        }
        indexes = [f"{self.table.table_arn}/index/{name}" for name, wanted in queried.items() if wanted]
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
