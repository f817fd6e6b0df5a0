"""The phone number of the Connect instance that the bridge's calls arrive on."""

from __future__ import annotations

from aws_cdk import Fn, Stack
from aws_cdk import aws_connect as connect
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.sip_bridge.constructs.custom_resources import CustomResources


class ConnectNumber(Construct):
    """A number that is claimed to the instance already, or one that the stack claims."""

    def __init__(self, scope: Construct, id_: str, *, arn: str, number: str) -> None:
        super().__init__(scope, id_)
        self.arn, self.number = arn, number

    @classmethod
    def claim(
        cls, scope: Construct, id_: str, *, instance_arn: str, country: str, type_: str, description: str
    ) -> ConnectNumber:
        """Claims a number of a `country` ("US") and type ("DID", "TOLL_FREE") to the instance."""
        claimed = connect.CfnPhoneNumber(
            scope,
            f"Claimed{id_}",
            target_arn=instance_arn,
            country_code=country,
            type=type_,
            description=description,
        )
        return cls(scope, id_, arn=claimed.attr_phone_number_arn, number=claimed.attr_address)

    def enter(self, *, flow_arn: str, instance_arn: str, custom_resources: CustomResources) -> None:
        """Has calls to the number enter this contact flow."""
        numbers = Stack.of(self).format_arn(service="connect", resource="phone-number", resource_name="*")
        rights = custom_resources.grant(
            self,
            "Rights",
            description="What leading the SIP bridge's number into its contact flow takes",
            statements=[
                iam.PolicyStatement(
                    sid="LeadIntoFlow",
                    actions=["connect:AssociatePhoneNumberContactFlow"],
                    # Evaluated on both.
                    resources=[self.arn, flow_arn],
                ),
                iam.PolicyStatement(
                    sid="LeadNowhere",
                    # Also the number that another one has taken the place of, or that a rollback gives up.
                    actions=["connect:DisassociatePhoneNumberContactFlow"],
                    resources=[numbers],
                ),
            ],
        )
        acknowledge(
            rights,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{numbers}]",
            reason="When another number takes the place of this one, CloudFormation removes the old one's "
            "association after these rights name the new one alone. Only the contact flow of a number of "
            "this account and Region can be taken away; the function that may do it runs while the stack is "
            "deployed.",
        )
        custom_resources.add(
            self,
            "ContactFlow",
            resource_type="Custom::ContactFlowNumber",
            properties={
                # arn:…:phone-number/<id>, arn:…:instance/<id>/contact-flow/<id>
                "PhoneNumberId": _part(self.arn, 1),
                "InstanceId": _part(instance_arn, 1),
                "ContactFlowId": _part(flow_arn, 3),
            },
            after=[rights],
        )


def _part(arn: str, number: int) -> str:
    """The part of an ARN behind so many slashes; an ARN may be known at deployment only."""
    return Fn.select(number, Fn.split("/", arn))
