"""What AWS CloudFormation has no types for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import aws_cdk as cdk
from aws_cdk import RemovalPolicy, custom_resources
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct, IDependable

from infra.acknowledgements import acknowledge
from infra.grants import lasting_policy


class CustomResources(Construct):
    """Custom resources of a function: the CDK's framework between it and CloudFormation, and its rights."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        function: lambda_.IFunction,
        role: iam.IRole,
        tracing: iam.IManagedPolicy,
        reserved_concurrency: int | None,
        key: kms.IKey,
        log_retention: logs.RetentionDays,
    ) -> None:
        """`function` answers the framework's events on custom resources, and runs as `role`; by `tracing` the
        framework may write traces.
        """
        super().__init__(scope, id_)
        self._role = role
        log_group = logs.LogGroup(
            self, "Log", encryption_key=key, retention=log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            description="What the framework of custom resources may do",
            statements=[
                iam.PolicyStatement(
                    sid="WriteLog",
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                    resources=[log_group.log_group_arn],
                ),
                iam.PolicyStatement(
                    sid="Invoke",
                    actions=["lambda:GetFunction", "lambda:InvokeFunction"],
                    resources=[function.function_arn],
                ),
            ],
        )
        framework_role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            managed_policies=[policy, tracing],
        )
        provider = custom_resources.Provider(
            self,
            "Provider",
            on_event_handler=function,
            # Its policy above holds all that the framework does.
            framework_on_event_role=framework_role.without_policy_updates(),
            log_group=log_group,
        )
        self._service_token = provider.service_token
        framework = provider.node.find_child("framework-onEvent")
        # On the role, which the function refers to anyway.
        resource = cast("lambda_.CfnFunction", framework.node.default_child)
        resource.add_deletion_override("DependsOn")
        # As the function behind it, which would refuse more. CloudFormation's events wait in Lambda's queue.
        resource.reserved_concurrent_executions = reserved_concurrency
        resource.tracing_config = lambda_.CfnFunction.TracingConfigProperty(mode="Active")
        acknowledge(
            framework,
            "HIPAA.Security::HIPAA.Security-LambdaInsideVPC",
            "NIST.800.53.R4::NIST.800.53.R4-LambdaInsideVPC",
            "NIST.800.53.R5::NIST.800.53.R5-LambdaInsideVPC",
            "PCI.DSS.321::PCI.DSS.321-LambdaInsideVPC",
            reason="The CDK's framework connects to Lambda and CloudFormation alone, over TLS, and "
            "nothing but CloudFormation invokes it.",
        )
        acknowledge(
            framework,
            "HIPAA.Security::HIPAA.Security-LambdaDLQ",
            "NIST.800.53.R5::NIST.800.53.R5-LambdaDLQ",
            "Serverless::Serverless-LambdaDLQ",
            reason="CloudFormation waits for its answer: what it does not handle fails the deployment, whose "
            "events say why.",
        )
        if reserved_concurrency is None:
            acknowledge(
                framework,
                "HIPAA.Security::HIPAA.Security-LambdaConcurrency",
                "NIST.800.53.R5::NIST.800.53.R5-LambdaConcurrency",
                reason="It runs while a stack is deployed. Where the account has enough, the configuration "
                "reserves some.",
            )
        acknowledge(
            framework,
            "Serverless::Serverless-LambdaDefaultMemorySize",
            reason="It passes an event on and waits: Lambda's default memory is what the CDK made it for.",
        )

    def add(
        self,
        scope: Construct,
        id_: str,
        *,
        resource_type: str,
        properties: dict[str, object],
        after: Sequence[IDependable] = (),
    ) -> cdk.CustomResource:
        """The custom resource of `resource_type` ("Custom::…") in `scope`, made once `after` is there."""
        resource = cdk.CustomResource(
            scope,
            id_,
            resource_type=resource_type,
            service_token=self._service_token,
            properties=properties,
        )
        resource.node.add_dependency(*after)
        return resource

    def grant(
        self, scope: Construct, id_: str, *, description: str, statements: Sequence[iam.PolicyStatement]
    ) -> iam.ManagedPolicy:
        """Lets the function do what custom resources of `scope` take; they are to be made `after` this.

        What they took before, it may do until an update has ended: it may have to be undone.
        """
        return lasting_policy(scope, id_, description=description, statements=statements, role=self._role)
