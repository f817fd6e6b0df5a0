"""What the Lambda functions of a stack have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.assets.archive import archive
from infra.assets.bundling import AwsOperations, FunctionSource, bundle, bundle_dependencies
from infra.configuration import Configuration
from infra.constructs.call_table import CallTable
from infra.constructs.connect_instance import VERIFIED_QUEUE, ConnectInstance
from infra.constructs.python_function import PythonFunction
from infra.log_retention import log_retention

STOP_FAULTS: Mapping[str, str] = {
    "ContactStopFailed": "A contact that should end could not be stopped. Its caller may be gone; "
    "its contact flow or an agent ends it. Look for it in the instance's contact search.",
}
"""What functions count that stop contacts where nobody tries again, and what an operator does about it."""

FAULTS: Mapping[str, str] = {
    "ConfigurationFault": "AWS refused a request of this deployment: an access right, a contact flow or "
    "an instance is not what the configuration says. Look for 'AWS refused' in the function's log.",
    "UnforeseenError": "A fault in the function. Look for 'Unforeseen error' in its log.",
}
"""What every function counts that handles requests or events, and what an operator does about it."""


class FunctionDefaults(Construct):
    """What the functions of a stack share: one layer, one right to write traces, one key, and settings."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        configuration: Configuration,
        key: kms.IKey,
        checkout: Path,
        aws_operations: Iterable[AwsOperations],
    ) -> None:
        """`checkout` is where `lambdas/` lies; `aws_operations` are those of all its functions."""
        super().__init__(scope, id_)
        self.configuration, self.key, self.checkout = configuration, key, checkout
        self.tracing = iam.ManagedPolicy(
            self,
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
            self.tracing,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            reason="X-Ray's write actions support no resource-level permissions: IAM takes only * for them.",
        )
        self.layer = lambda_.LayerVersion(
            self,
            "Dependencies",
            description="What the functions import beside their own sources",
            code=_code(bundle_dependencies(checkout, aws_operations)),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )


class Function(PythonFunction):
    """A function of `lambdas/`, with the settings of its environment."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        source: FunctionSource,
        defaults: FunctionDefaults,
        description: str,
        timeout: Duration,
        environment: Mapping[str, str],
        reserved_concurrency: int | None = None,
        concurrency_setting: str = "functions.reserved_concurrency",
        egress: str = "AWS APIs alone",
        asynchronous: bool = False,
        failure: str = "it crashed or timed out",
        expected_errors: Sequence[str] = (),
        faults: Mapping[str, str] = FAULTS,
    ) -> None:
        """Without `reserved_concurrency` it is the configured one; none is reserved unless one is configured,
        and `concurrency_setting` says what to raise where it is. `egress` is all that it connects to. Nobody
        waits for an `asynchronous` function: it works off a queue or a deployment. `expected_errors` are
        counts of errors by which it answers.
        """
        configuration = defaults.configuration
        settings = configuration.functions
        super().__init__(
            scope,
            id_,
            code=_code(bundle(defaults.checkout, source)),
            handler=source.handler,
            description=description,
            # Two environments may share an account.
            service=f"{configuration.environment}-{source.name}",
            timeout=timeout,
            memory_mib=settings.memory_mib,
            reserved_concurrency=reserved(reserved_concurrency, configuration),
            environment=environment,
            layer=defaults.layer,
            tracing=defaults.tracing,
            key=defaults.key,
            log_retention=log_retention(configuration),
            egress=egress,
            snap_start=settings.snap_start and not asynchronous,
            concurrency_setting=concurrency_setting
            if settings.reserved_concurrency is not None
            else "the account's quota of concurrent executions of AWS Lambda",
            failure=failure,
            expected_errors=expected_errors,
        )
        self.add_faults(faults)


def reserved(concurrency: int | None, configuration: Configuration) -> int | None:
    """`concurrency`, or the configured one; None where the configuration reserves none at all."""
    configured = configuration.functions.reserved_concurrency
    return None if configured is None else concurrency or configured


class CallFunctionDefaults(FunctionDefaults):
    """What the functions that handle calls share beside: the instance, the table, the transport's code."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        configuration: Configuration,
        key: kms.IKey,
        checkout: Path,
        aws_operations: Iterable[AwsOperations],
        instance: ConnectInstance,
        calls: CallTable,
        transport_modules: tuple[str, ...],
    ) -> None:
        """`transport_modules` are those of `lambdas/` that the functions load by the transport's name."""
        super().__init__(
            scope, id_, configuration=configuration, key=key, checkout=checkout, aws_operations=aws_operations
        )
        self.instance, self.calls, self.transport_modules = instance, calls, transport_modules

    @property
    def queue_arn(self) -> str | None:
        """The queue that stands for calls whose topic has none of its own; None where none is configured."""
        return self.configuration.connect.queue_arn or self.instance.queue_arns.get(VERIFIED_QUEUE)

    @property
    def queues_of_calls(self) -> list[str]:
        """The queues that stand for calls: that of most topics, and those of single ones."""
        of_topics = self.configuration.connect.topic_queue_arns.values()
        return [*([] if self.queue_arn is None else [self.queue_arn]), *of_topics]


class CallFunction(Function):
    """A function that handles calls."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        source: FunctionSource,
        defaults: CallFunctionDefaults,
        description: str,
        timeout: Duration,
        environment: Mapping[str, str],
        reserved_concurrency: int | None = None,
        concurrency_setting: str = "functions.reserved_concurrency",
        asynchronous: bool = False,
    ) -> None:
        instance = defaults.instance
        super().__init__(
            scope,
            id_,
            source=replace(source, extra_modules=defaults.transport_modules),
            defaults=defaults,
            description=description,
            timeout=timeout,
            environment={
                "CONNECT_INSTANCE_ARN": instance.arn,
                "CALLS_TABLE": defaults.calls.table.table_name,
                **environment,
            },
            reserved_concurrency=reserved_concurrency,
            concurrency_setting=concurrency_setting,
            asynchronous=asynchronous,
        )
        if instance.alias is not None:
            # Another alias is another instance.
            self.force_new_version(instance.alias)


def _code(asset: Path) -> lambda_.Code:
    archived = archive(asset)
    return lambda_.Code.from_asset(str(archived.path), asset_hash=archived.content_hash)
