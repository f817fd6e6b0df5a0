"""The phone number that the bridge's calls come from."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.sip_bridge.constructs.custom_resources import CustomResources


class CallerNumber(Construct):
    """A number of the account's Amazon Chime SDK inventory, ordered where it is not there yet."""

    def __init__(
        self, scope: Construct, id_: str, *, custom_resources: CustomResources, properties: dict[str, object]
    ) -> None:
        """`properties` are those of Custom::CallerNumber: a Number, or Country, Type and Name of an order."""
        super().__init__(scope, id_)
        rights = custom_resources.grant(
            self,
            "Rights",
            description="What making a CallerNumber takes",
            statements=[
                iam.PolicyStatement(
                    sid="PhoneNumbers",
                    # Also those for releasing it: the configuration may name another number one day.
                    actions=[
                        "chime:CreatePhoneNumberOrder",
                        "chime:DeletePhoneNumber",
                        "chime:GetPhoneNumber",
                        "chime:GetPhoneNumberOrder",
                        "chime:ListPhoneNumbers",
                        "chime:SearchAvailablePhoneNumbers",
                    ],
                    resources=["*"],
                )
            ],
        )
        acknowledge(
            rights,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            reason="The Amazon Chime SDK has no resource type for phone numbers and their orders: IAM takes "
            "only * for these actions. The function that has them runs while the stack is deployed.",
        )
        number = custom_resources.add(
            self, "Number", resource_type="Custom::CallerNumber", properties=properties, after=[rights]
        )
        self.number = number.get_att_string("Number")
