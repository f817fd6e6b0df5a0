"""A Lambda function of this project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Annotations, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.acknowledgements import acknowledge


class PythonFunction(Construct):
    """A function behind the alias `live`, with a role, a policy and a log group of its own."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        asset: Path,
        handler: str,
        description: str,
        service: str,
        timeout: Duration,
        memory_mib: int,
        reserved_concurrency: int | None,
        environment: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement],
        layer: lambda_.ILayerVersion,
        tracing: iam.IManagedPolicy,
        key: kms.IKey,
        log_retention: logs.RetentionDays,
        reaches: str = "AWS APIs alone",
        snap_start: bool = False,
    ) -> None:
        """`asset` is a directory to ship as it is, `layer` what it imports beside; `service` names the
        function in logs, metrics and traces; `statements` and `tracing` are all that it may do beside
        writing its log. `reaches` is all that it connects to.

        With `snap_start` the version behind the alias starts from a snapshot of its initialized process.
        """
        super().__init__(scope, id_)
        log_group = logs.LogGroup(
            self,
            "Log",
            encryption_key=key,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            description=f"What {service} may do",
            statements=[
                iam.PolicyStatement(
                    sid="WriteLog",
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                    resources=[log_group.log_group_arn],
                ),
                *statements,
            ],
        )
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            managed_policies=[self.policy, tracing],
        )
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset(str(asset)),
            layers=[layer],
            handler=handler,
            # By its ARN, so that the CDK adds no policies to it and no DependsOn beside the reference.
            role=iam.Role.from_role_arn(self, "FixedRole", self.role.role_arn, mutable=False),
            timeout=timeout,
            memory_size=memory_mib,
            reserved_concurrent_executions=reserved_concurrency,
            tracing=lambda_.Tracing.ACTIVE,
            logging_format=lambda_.LoggingFormat.JSON,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
            log_group=log_group,
            environment={
                "POWERTOOLS_SERVICE_NAME": service,
                "POWERTOOLS_METRICS_NAMESPACE": "InAppCalling",
                **environment,
            },
        )
        self.alias = lambda_.Alias(self, "Alias", alias_name="live", version=self.function.current_version)
        if snap_start:
            Annotations.of(self.function).acknowledge_warning(
                "@aws-cdk/aws-lambda:snapStartRequirePublish", "The alias has a published version."
            )
        acknowledge(
            self.function,
            "HIPAA.Security::HIPAA.Security-LambdaInsideVPC",
            "NIST.800.53.R4::NIST.800.53.R4-LambdaInsideVPC",
            "NIST.800.53.R5::NIST.800.53.R5-LambdaInsideVPC",
            "PCI.DSS.321::PCI.DSS.321-LambdaInsideVPC",
            reason=f"The function reaches {reaches}, over TLS, and nothing reaches it. A VPC would add "
            "endpoints, and a NAT gateway for what has none, as Amazon Connect, and protect nothing.",
        )
        acknowledge(
            self.function,
            "HIPAA.Security::HIPAA.Security-LambdaDLQ",
            "NIST.800.53.R5::NIST.800.53.R5-LambdaDLQ",
            "Serverless::Serverless-LambdaDLQ",
            reason="Invoked synchronously only: Lambda sends nothing to a dead-letter queue then. The caller "
            "gets the failure, and an alarm watches it.",
        )
        acknowledge(
            self.function,
            "AwsSolutions::AwsSolutions-L1",
            "Serverless::Serverless-LambdaLatestVersion",
            reason="Python 3.13 is supported by Lambda, and is what the assets' bytecode is compiled and "
            "tested with. Runtime patches apply by themselves; the next version comes with its tests.",
        )
