"""A Lambda function of this project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Annotations, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.alarms import PERIOD, RUNBOOKS, Alarm
from infra.grants import lasting_policy

_NAMESPACE = "InAppCalling"


class PythonFunction(Construct):
    """A function behind the alias `live`, with a role, a policy and a log group of its own.

    Its policy holds its rights; constructs add to it what they grant. Those that go with a version have
    policies of their own.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        code: lambda_.Code,
        handler: str,
        description: str,
        service: str,
        timeout: Duration,
        memory_mib: int,
        reserved_concurrency: int | None,
        environment: Mapping[str, str],
        layer: lambda_.ILayerVersion,
        tracing: iam.IManagedPolicy,
        key: kms.IKey,
        log_retention: logs.RetentionDays,
        egress: str,
        snap_start: bool,
        concurrency_setting: str,
        failure: str,
        expected_errors: Sequence[str],
    ) -> None:
        """`code` is what it ships, `layer` what it imports beside; `service` names the
        function in logs, metrics and traces; `tracing` lets it write traces. `egress` is all that it connects
        to. With `snap_start` the version behind the alias starts from a snapshot of its initialized process.

        For its alarms: `concurrency_setting` is what to raise when it is throttled, and `failure` what an
        error of it means. `expected_errors` are counts of errors by which the function answers, and that
        anybody can cause.
        """
        super().__init__(scope, id_)
        self._expected_errors = expected_errors
        self._service, self._concurrency_setting, self._failure = service, concurrency_setting, failure
        self._faults: dict[str, Alarm] = {}
        self._counts: list[cloudwatch.IWidget] = []
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
                )
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
            code=code,
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
                "POWERTOOLS_METRICS_NAMESPACE": _NAMESPACE,
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
            reason=f"The function connects to {egress}, over TLS, and nothing connects to it. A VPC would "
            "add endpoints, and a NAT gateway for what has none, as Amazon Connect, and protect nothing.",
        )
        acknowledge(
            self.function,
            "HIPAA.Security::HIPAA.Security-LambdaDLQ",
            "NIST.800.53.R5::NIST.800.53.R5-LambdaDLQ",
            "Serverless::Serverless-LambdaDLQ",
            reason="Invoked synchronously only: Lambda sends nothing to a dead-letter queue then. The caller "
            "gets the failure, and an alarm watches it.",
        )
        if reserved_concurrency is None:
            acknowledge(
                self.function,
                "HIPAA.Security::HIPAA.Security-LambdaConcurrency",
                "NIST.800.53.R5::NIST.800.53.R5-LambdaConcurrency",
                reason="New accounts have a concurrency of 10 in all, of which Lambda lets none be reserved. "
                "Where the account has more, the configuration reserves some for each function.",
            )
        acknowledge(
            self.function,
            "AwsSolutions::AwsSolutions-L1",
            "Serverless::Serverless-LambdaLatestVersion",
            reason="Python 3.13 is supported by Lambda, and is what the assets' bytecode is compiled and "
            "tested with. Runtime patches apply by themselves; the next version comes with its tests.",
        )

    def add_environment(self, variables: Mapping[str, str]) -> None:
        """Passes these environment variables to the function too."""
        for name, value in variables.items():
            self.function.add_environment(name, value)

    def grant_while_in_use(self, id_: str, *, statements: Sequence[iam.PolicyStatement]) -> None:
        """Grants rights that the version behind the alias keeps until another version has taken its place.

        For what a version receives in its environment variables, and the next one may receive no more.
        """
        policy = lasting_policy(
            self,
            id_,
            description=f"What versions of {self._service} may do, each while it is in use",
            statements=statements,
            role=self.role,
        )
        self.alias.node.add_dependency(policy)

    def force_new_version(self, value: str) -> None:
        """Has a new version published whenever `value` changes.

        A version keeps the environment variables that it was published with, and of what is known at
        deployment only the template says the same whatever it will be.
        """
        self.function.invalidate_version_based_on(value)

    def add_faults(self, faults: Mapping[str, str], *, runbooks: str = RUNBOOKS) -> None:
        """Alarms on each fault that the function counts: a metric, and what an operator does about it. The
        document `runbooks` has a section for each.
        """
        for fault, advice in faults.items():
            self._faults[fault] = Alarm(
                name=f"{self._name}{fault}",
                metric=self._metric(fault),
                threshold=1,
                advice=advice,
                runbook=f"{runbooks}#{fault.lower()}",
            )

    def count(self, metric: str) -> cloudwatch.Metric:
        """What the function counts under this name."""
        return self._metric(metric)

    def show_counts(self, title: str, *metrics: str) -> None:
        """Adds a graph of what the function counts."""
        self._counts.append(
            cloudwatch.GraphWidget(title=title, width=12, left=[self._metric(name) for name in metrics])
        )

    def show_times(self, title: str, *metrics: str) -> None:
        """Adds a graph of times that the function measures: half of them were shorter, and nine in ten."""
        times = [self._metric(name).with_(statistic=part) for name in metrics for part in ("p50", "p90")]
        self._counts.append(cloudwatch.GraphWidget(title=title, width=12, left=times))

    def alarms(self) -> list[Alarm]:
        """On errors, on throttles, and on each fault that the function counts."""
        return [
            Alarm(
                name=f"{self._name}Errors",
                metric=self._unexpected_errors(),
                threshold=1,
                advice=f"{self._name} failed without an answer: {self._failure}. Look at its log.",
                runbook=f"{RUNBOOKS}#errors",
            ),
            Alarm(
                name=f"{self._name}Throttles",
                metric=self.function.metric_throttles(period=PERIOD),
                threshold=1,
                advice=f"{self._name} was throttled: raise {self._concurrency_setting}.",
                runbook=f"{RUNBOOKS}#throttles",
            ),
            *self._faults.values(),
        ]

    def graphs(self) -> list[list[cloudwatch.IWidget]]:
        """How it runs, and what it counts."""
        function, name = self.function, self._name
        return [
            [
                cloudwatch.GraphWidget(
                    title=f"{name}: errors, throttles",
                    width=8,
                    left=[function.metric_errors(period=PERIOD), function.metric_throttles(period=PERIOD)],
                ),
                cloudwatch.GraphWidget(
                    title=f"{name}: duration",
                    width=8,
                    left=[
                        function.metric_duration(period=PERIOD, statistic="p50"),
                        function.metric_duration(period=PERIOD, statistic="p99"),
                    ],
                ),
                cloudwatch.GraphWidget(
                    title=f"{name}: concurrency",
                    width=8,
                    left=[function.metric("ConcurrentExecutions", period=PERIOD, statistic="Maximum")],
                ),
            ],
            *([self._fault_graph()] if self._faults else []),
            *([graph] for graph in self._counts),
        ]

    def _unexpected_errors(self) -> cloudwatch.IMetric:
        errors = self.function.metric_errors(period=PERIOD)
        if not self._expected_errors:
            return errors
        expected = {name[:1].lower() + name[1:]: self._metric(name) for name in self._expected_errors}
        return cloudwatch.MathExpression(
            expression=" - ".join(["errors", *(f"FILL({id_}, 0)" for id_ in expected)]),
            using_metrics={"errors": errors, **expected},
            period=PERIOD,
            label="Unexpected errors",
        )

    def _fault_graph(self) -> list[cloudwatch.IWidget]:
        faults = [self._metric(fault) for fault in self._faults]
        return [cloudwatch.GraphWidget(title=f"{self._name}: faults", width=12, left=faults)]

    @property
    def _name(self) -> str:
        return self.node.id

    def _metric(self, name: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=_NAMESPACE,
            metric_name=name,
            dimensions_map={"service": self._service},
            statistic="Sum",
            period=PERIOD,
        )
