"""The switch by which an operator stops new calls."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.grants import Grantee
from infra.switch_values import ALLOWED_PATTERN, OFF, ON


class CallingSwitch(Construct):
    """An SSM parameter: `on` while calls may be started, `off` when an operator says so.

    Deployments leave it as the operator set it, unless they change another property of it, its tags for one:
    then CloudFormation writes all of them.
    """

    def __init__(self, scope: Construct, id_: str, *, parameter_name: str) -> None:
        super().__init__(scope, id_)
        self.parameter = ssm.StringParameter(
            self,
            "Parameter",
            parameter_name=parameter_name,
            string_value=ON,
            # Any other word stops calls too; this spares operators one that they mistyped.
            allowed_pattern=ALLOWED_PATTERN,
            description=f"Whether calls may be started: {ON} or {OFF}",
        )

    def grant_read(self, function: Grantee) -> None:
        """Lets `function` read the switch."""
        function.policy.add_statements(
            iam.PolicyStatement(
                sid="ReadCallingSwitch",
                actions=["ssm:GetParameter"],
                resources=[self.parameter.parameter_arn],
            )
        )
