"""A firewall that the organisation has: one by its ARN, or whatever it attaches to the API itself."""

from __future__ import annotations

from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct, IConstruct

from infra.acknowledgements import acknowledge


class FirewallAssociation(Construct):
    """A web ACL that exists already, in front of a stage. Its rules are its owner's."""

    def __init__(self, scope: Construct, id_: str, *, web_acl_arn: str, stage_arn: str) -> None:
        super().__init__(scope, id_)
        wafv2.CfnWebACLAssociation(self, "Api", resource_arn=stage_arn, web_acl_arn=web_acl_arn)


def acknowledge_no_firewall(stage: IConstruct) -> None:
    """Records that nothing of this project stands in front of the stage."""
    acknowledge(
        stage,
        "AwsSolutions::AwsSolutions-APIG3",
        "NIST.800.53.R5::NIST.800.53.R5-APIGWAssociatedWithWAF",
        "PCI.DSS.321::PCI.DSS.321-APIGWAssociatedWithWAF",
        reason='The configuration says api.web_acl = "none": the organisation attaches its own web ACL to '
        "the stage, as AWS Firewall Manager does, and what a stack attaches it would take away.",
    )
