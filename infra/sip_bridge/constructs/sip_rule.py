"""The SIP rule by which a number belongs to a SIP media application."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.sip_bridge.constructs.custom_resources import CustomResources
from infra.sip_bridge.constructs.sip_media_application import SipMediaApplication


class SipRule(Construct):
    """Leads calls that dial the number to the application too, which refuses them."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        custom_resources: CustomResources,
        application: SipMediaApplication,
        name: str,
        number: str,
    ) -> None:
        super().__init__(scope, id_)
        rights = custom_resources.grant(
            self,
            "Rights",
            description="What making a SipRule takes",
            statements=[
                iam.PolicyStatement(
                    sid="RuleForTheApplication",
                    actions=["chime:CreateSipRule"],
                    resources=[application.arn],
                ),
                iam.PolicyStatement(
                    sid="SipRules",
                    actions=["chime:DeleteSipRule", "chime:ListSipRules", "chime:UpdateSipRule"],
                    resources=["*"],
                ),
            ],
        )
        acknowledge(
            rights,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            reason="The Amazon Chime SDK has no resource type for SIP rules: finding, disabling and removing "
            "one names no application, and IAM takes only * then. The function that may do it runs while the "
            "stack is deployed.",
        )
        custom_resources.add(
            self,
            "Rule",
            resource_type="Custom::SipRule",
            properties={
                "Name": name,
                "Number": number,
                "SipMediaApplicationId": application.application_id,
                "Region": Stack.of(self).region,
            },
            after=[rights],
        )
