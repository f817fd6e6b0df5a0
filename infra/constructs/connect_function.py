"""A Lambda function that contact flows invoke."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_connect as connect
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct


class ConnectFunction(Construct):
    """Associates a function with an instance, and lets contact flows of that instance alone invoke its alias.

    Connect takes no flow that names a function before this is there.
    """

    def __init__(self, scope: Construct, id_: str, *, function: lambda_.Alias, instance_arn: str) -> None:
        super().__init__(scope, id_)
        self.arn = function.function_arn
        function.add_permission(
            "ContactFlows",
            principal=iam.ServicePrincipal("connect.amazonaws.com"),
            source_account=Stack.of(self).account,
            source_arn=instance_arn,
        )
        self.association = connect.CfnIntegrationAssociation(
            self,
            "Association",
            # Named an id, but it takes the ARN.
            instance_id=instance_arn,
            integration_type="LAMBDA_FUNCTION",
            # The function's, and not the alias's: what others associate in public use. The permission and the
            # flows name the alias (docs/truth.md, "Association of the function").
            integration_arn=function.lambda_.function_arn,
        )
