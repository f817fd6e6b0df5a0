"""What the Lambda functions of a stack have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from infra.acknowledgements import acknowledge
from infra.bundling import bundle, bundle_dependencies
from infra.config import Configuration
from infra.constructs.python_function import PythonFunction

FAULTS: Mapping[str, str] = {
    "ConfigurationFault": "AWS refused what this deployment asks of it: an access right, a contact flow or "
    "an instance is not what the configuration says. Look for 'AWS refused' in the function's log.",
    "UnforeseenError": "A fault in the function. Look for 'Unforeseen error' in its log.",
}
"""What every function counts, and what an operator does about it."""

# Those that work off a queue and a deployment: a start of theirs keeps nobody waiting.
_NOT_WAITED_FOR = frozenset({"bridge_resources", "contact_events"})

_RETENTION: Mapping[int, logs.RetentionDays] = {
    1: logs.RetentionDays.ONE_DAY,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    731: logs.RetentionDays.TWO_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}


def log_retention(configuration: Configuration) -> logs.RetentionDays:
    """How long every log group of the environment keeps what is written to it."""
    return _RETENTION[configuration.functions.log_retention_days]


class Functions:
    """Adds functions to a stack: of one layer, one right to write traces, one key and one retention."""

    def __init__(self, stack: Stack, *, configuration: Configuration, key: kms.IKey, checkout: Path) -> None:
        """`checkout` is where `lambdas/` lies."""
        self._stack, self._configuration, self._key, self._checkout = stack, configuration, key, checkout
        self._tracing = _trace_writing(stack)
        self._layer = lambda_.LayerVersion(
            stack,
            "Dependencies",
            description="What the functions import beside their own sources",
            code=lambda_.Code.from_asset(str(bundle_dependencies(checkout))),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )

    def add(
        self,
        id_: str,
        package: str,
        *,
        description: str,
        timeout: Duration,
        statements: Sequence[iam.PolicyStatement],
        environment: Mapping[str, str],
        reserved_concurrency: int | None = None,
        reaches: str = "AWS APIs alone",
    ) -> PythonFunction:
        """The function of `lambdas/<package>`; `statements` are what it may do beside logging and tracing,
        and `reaches` all that it connects to.

        Without `reserved_concurrency` it is the configured one.
        """
        settings = self._configuration.functions
        return PythonFunction(
            self._stack,
            id_,
            asset=bundle(self._checkout, package),
            handler=f"{package}.handler.handler",
            description=description,
            service=self.service(package),
            timeout=timeout,
            memory_mib=settings.memory_mib,
            reserved_concurrency=reserved_concurrency or settings.reserved_concurrency,
            environment=environment,
            statements=statements,
            layer=self._layer,
            tracing=self._tracing,
            key=self._key,
            log_retention=log_retention(self._configuration),
            reaches=reaches,
            snap_start=settings.snap_start and package not in _NOT_WAITED_FOR,
        )

    def service(self, package: str) -> str:
        """A function's name in logs, metrics and traces; two environments may share an account."""
        return f"{self._configuration.environment}-{package.replace('_', '-')}"


def _trace_writing(stack: Stack) -> iam.ManagedPolicy:
    policy = iam.ManagedPolicy(
        stack,
        "Tracing",
        description="Writing traces to AWS X-Ray",
        statements=[
            iam.PolicyStatement(
                sid="WriteTraces",
                actions=["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
                resources=["*"],
            )
        ],
    )
    acknowledge(
        policy,
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        reason="X-Ray's write actions support no resource-level permissions: IAM takes only * for them.",
    )
    return policy
