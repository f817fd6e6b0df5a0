"""The SIP media application, which carries out for each call the actions that a function returns."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_chime as chime
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.grants import Grantee


class SipMediaApplication(Construct):
    """A SIP media application, and its right to invoke its function.

    Its SIP messages are not logged: the first of them would hold the join token of a meeting.
    """

    def __init__(self, scope: Construct, id_: str, *, function: lambda_.Alias) -> None:
        super().__init__(scope, id_)
        stack = Stack.of(self)
        application = chime.CfnSipMediaApplication(
            self,
            "Application",
            name=stack.stack_name,
            aws_region=stack.region,
            endpoints=[
                chime.CfnSipMediaApplication.SipMediaApplicationEndpointProperty(
                    lambda_arn=function.function_arn
                )
            ],
        )
        self.arn = application.attr_sip_media_application_arn
        # The application is there first: its id is part of its ARN.
        lambda_.CfnPermission(
            self,
            "Permission",
            action="lambda:InvokeFunction",
            function_name=function.function_arn,
            principal="voiceconnector.chime.amazonaws.com",
            source_account=stack.account,
            source_arn=self.arn,
        )
        self.application_id = application.attr_sip_media_application_id

    def grant_dial(self, function: Grantee) -> None:
        """Lets `function` have the application dial, and act on calls under way."""
        self._grant(function, "chime:CreateSipMediaApplicationCall", "chime:UpdateSipMediaApplicationCall")

    def grant_update_call(self, function: Grantee) -> None:
        """Lets `function` have the application act on calls under way."""
        self._grant(function, "chime:UpdateSipMediaApplicationCall")

    def _grant(self, function: Grantee, *actions: str) -> None:
        function.policy.add_statements(
            iam.PolicyStatement(sid="BridgeCalls", actions=list(actions), resources=[self.arn])
        )
