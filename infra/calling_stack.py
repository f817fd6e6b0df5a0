"""The stack of everything that a call passes through, and that can be created anew."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Duration, Environment, Stack
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.bundling import bundle
from infra.config import (
    START_CALL_TIMEOUT_SECONDS,
    AdoptedContactFlow,
    Configuration,
    OwnContactFlow,
    Sandbox,
)
from infra.constructs.call_api import CallApi
from infra.constructs.call_table import CallTable
from infra.constructs.connect_function import ConnectFunction
from infra.constructs.connect_sandbox import ConnectSandbox
from infra.constructs.contact_flow import ContactFlow
from infra.constructs.customer_key import CustomerKey
from infra.constructs.firewall import Firewall
from infra.constructs.monitoring import Monitoring
from infra.constructs.python_function import PythonFunction
from infra.contract import read_operation
from infra.outputs import Output, publish

# Longer than any request may take: two attempts of (connect 1 s + read 4 s) at each of three AWS calls, the
# last after a failure. Shorter than the gateway's 29 s, so that the function itself still answers.
_START_CALL_TIMEOUT = Duration.seconds(START_CALL_TIMEOUT_SECONDS)

# A contact flow waits for 8 s at most, retries included.
_CALLER_CONTEXT_TIMEOUT = Duration.seconds(7)

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


class CallingStack(Stack):
    """The API, its functions, the table of calls, and what they need of Amazon Connect."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        configuration: Configuration,
        user_pool: cognito.IUserPool,
        checkout: Path,
    ) -> None:
        """`checkout` is where `lambdas/`, `openapi.yaml` and `infra/contact_flows/` lie."""
        super().__init__(
            scope,
            id_,
            description="In-app calling: API, functions, table and contact flows",
            env=Environment(account=configuration.account, region=configuration.region),
        )
        self._configuration = configuration
        self._checkout = checkout
        self._log_retention = _RETENTION[configuration.functions.log_retention_days]
        self._key = CustomerKey(
            self,
            "CustomerKey",
            log_group_names=[
                f"{self.stack_name}-*",
                f"aws-waf-logs-{self.stack_name}",
                "API-Gateway-Execution-Logs_*/*",
            ],
        ).key
        self._calls = CallTable(self, "Calls", key=self._key)
        self._tracing = self._trace_writing()

        self._instance_arn, queues = self._connect_instance()
        caller_context = self._caller_context()
        verification = ConnectFunction(
            self, "CallerVerification", function=caller_context.alias, instance_arn=self._instance_arn
        )
        contact_flow_arn, topics = self._contact_flows(verification, queues)
        start_call = self._start_call(contact_flow_arn, topics)
        api = self._api(start_call, user_pool)
        self._monitoring(api, start_call, caller_context)
        publish(
            self,
            environment=configuration.environment,
            values={
                Output.API_URL: api.rest_api.url,
                Output.REGION: self.region,
                Output.CONNECT_INSTANCE_ARN: self._instance_arn,
                Output.CONTACT_FLOW_ARN: contact_flow_arn,
            },
        )

    def _connect_instance(self) -> tuple[str, Mapping[str, str]]:
        """The instance's ARN, and the queues by the placeholders that contact flows have for them."""
        instance = self._configuration.connect.instance
        if isinstance(instance, Sandbox):
            sandbox = ConnectSandbox(self, "ConnectSandbox", instance_alias=instance.instance_alias)
            return sandbox.instance_arn, {
                "VerifiedQueueArn": sandbox.verified_queue_arn,
                "UnverifiedQueueArn": sandbox.unverified_queue_arn,
            }
        if instance.verified_queue_arn is None or instance.unverified_queue_arn is None:
            return instance.instance_arn, {}
        return instance.instance_arn, {
            "VerifiedQueueArn": instance.verified_queue_arn,
            "UnverifiedQueueArn": instance.unverified_queue_arn,
        }

    def _contact_flows(
        self, verification: ConnectFunction, queues: Mapping[str, str]
    ) -> tuple[str, Mapping[str, str]]:
        """The ARN of the default flow, and of each topic's; creates those that come from files, once each."""
        settings = self._configuration.connect
        arns: dict[str, str] = {}

        def arn_of(flow: AdoptedContactFlow | OwnContactFlow) -> str:
            if isinstance(flow, AdoptedContactFlow):
                return flow.arn
            if flow.name not in arns:
                created = ContactFlow(
                    self,
                    f"ContactFlow-{flow.name}",
                    document=self._checkout / "infra" / "contact_flows" / f"{flow.name}.json",
                    name=f"In-app calling: {flow.name} ({self._configuration.environment})",
                    instance_arn=self._instance_arn,
                    arns={"CallerContextFunctionArn": verification.arn, **queues},
                    verified_attributes=list(self._configuration.attributes.from_claims.values()),
                )
                # Connect takes no flow that names a function it is not associated with.
                created.node.add_dependency(verification)
                arns[flow.name] = created.arn
            return arns[flow.name]

        return arn_of(settings.contact_flow), {topic: arn_of(flow) for topic, flow in settings.topics.items()}

    def _caller_context(self) -> PythonFunction:
        return self._function(
            "CallerContext",
            "caller_context",
            description="Tells a contact flow who calls",
            timeout=_CALLER_CONTEXT_TIMEOUT,
            environment={
                "CONNECT_INSTANCE_ARN": self._instance_arn,
                "CALLS_TABLE": self._calls.table.table_name,
            },
            statements=self._calls.update_statements(),
        )

    def _start_call(self, contact_flow_arn: str, topics: Mapping[str, str]) -> PythonFunction:
        configuration = self._configuration
        calls, offered = configuration.calls, configuration.capabilities
        capabilities = {"Video": offered.video, "ScreenShare": offered.screen_share}
        function = self._function(
            "StartCall",
            "start_call",
            description="Starts a call of a signed-in user",
            timeout=_START_CALL_TIMEOUT,
            environment={
                "CONNECT_INSTANCE_ARN": self._instance_arn,
                "CONTACT_FLOW_ARN": contact_flow_arn,
                "TOPIC_CONTACT_FLOW_ARNS": self.to_json_string(topics),
                "CALLS_TABLE": self._calls.table.table_name,
                "CALLER_ATTRIBUTES": json.dumps(configuration.attributes.from_caller),
                "CLAIM_ATTRIBUTES": json.dumps(configuration.attributes.from_claims),
                "DISPLAY_NAME_CLAIM": configuration.identity.display_name_claim,
                "CAPABILITIES": json.dumps([name for name, allowed in capabilities.items() if allowed]),
                "REPLAY_SECONDS": str(calls.replay_seconds),
                "REFERENCE_SECONDS": str(calls.reference_seconds),
                "START_LEASE_SECONDS": str(calls.start_lease_seconds),
                "LONGEST_CALL_SECONDS": str(calls.longest_call_seconds),
                "STARTS_PER_WINDOW": str(calls.starts_per_window),
                "WINDOW_SECONDS": str(calls.window_seconds),
                "ALLOWED_ORIGINS": json.dumps(configuration.api.allowed_origins),
            },
            statements=[
                *self._calls.update_statements(),
                iam.PolicyStatement(
                    sid="StartContacts",
                    actions=["connect:StartWebRTCContact"],
                    # Evaluated on both: the instance, and the flow that the contact enters.
                    resources=[self._instance_arn, *dict.fromkeys([contact_flow_arn, *topics.values()])],
                ),
                iam.PolicyStatement(
                    sid="StopContacts",
                    actions=["connect:StopContact"],
                    resources=[f"{self._instance_arn}/contact/*"],
                ),
            ],
        )
        # As cdk-nag spells an ARN that is known at deployment only.
        arn = self.resolve(self._instance_arn)
        instance = arn if isinstance(arn, str) else f"<{'.'.join(arn['Fn::GetAtt'])}>"
        acknowledge(
            function.policy,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{instance}/contact/*]",
            reason="StopContact takes a contact, and contacts come into being while the function runs. "
            "It may stop those of this one instance.",
        )
        return function

    def _trace_writing(self) -> iam.ManagedPolicy:
        policy = iam.ManagedPolicy(
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
            policy,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            reason="X-Ray's write actions support no resource-level permissions: IAM takes only * for them.",
        )
        return policy

    def _function(
        self,
        id_: str,
        package: str,
        *,
        description: str,
        timeout: Duration,
        environment: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement],
    ) -> PythonFunction:
        settings = self._configuration.functions
        return PythonFunction(
            self,
            id_,
            asset=bundle(self._checkout, package),
            handler=f"{package}.handler.handler",
            description=description,
            service=self._service(package),
            timeout=timeout,
            memory_mib=settings.memory_mib,
            reserved_concurrency=settings.reserved_concurrency,
            environment=environment,
            statements=statements,
            tracing=self._tracing,
            key=self._key,
            log_retention=self._log_retention,
        )

    def _service(self, package: str) -> str:
        """A function's name in logs, metrics and traces; two environments may share an account."""
        return f"{self._configuration.environment}-{package.replace('_', '-')}"

    def _api(self, start_call: PythonFunction, user_pool: cognito.IUserPool) -> CallApi:
        settings, quotas = self._configuration.api, self._configuration.connect.quotas
        api = CallApi(
            self,
            "Api",
            user_pool=user_pool,
            allowed_origins=settings.allowed_origins,
            requests_per_second=quotas.start_webrtc_contact_rate,
            burst=quotas.start_webrtc_contact_burst,
            key=self._key,
            log_retention=self._log_retention,
        )
        operation = read_operation(self._checkout / "openapi.yaml", "/start-call", "post")
        api.add_method(
            "start-call",
            "POST",
            function=start_call.alias,
            body_schema=operation.body_schema,
            headers=operation.headers,
        )
        firewall = Firewall(
            self,
            "Firewall",
            requests_per_ip_per_5_minutes=settings.requests_per_ip_per_5_minutes,
            allowed_origins=settings.allowed_origins,
            key=self._key,
            log_retention=self._log_retention,
        )
        firewall.protect("Api", api.rest_api.deployment_stage.stage_arn)
        return api

    def _monitoring(self, api: CallApi, start_call: PythonFunction, caller_context: PythonFunction) -> None:
        monitoring = Monitoring(self, "Monitoring", key=self._key, email=self._configuration.alarms.email)
        monitoring.watch_api(api.rest_api)
        monitoring.watch_function("StartCall", start_call.function)
        monitoring.watch_function("CallerContext", caller_context.function)
        refused = (
            "AWS refused what this deployment asks of it: an access right, a contact flow or an instance is "
            "not what the configuration says. Look for 'AWS refused' in the function's log."
        )
        unforeseen = "A fault in the function. Look for 'Unforeseen error' in its log."
        monitoring.watch_faults(
            "StartCall",
            self._service("start_call"),
            {
                "ConfigurationFault": refused,
                "ContactStopFailed": "A contact that nobody can join could not be stopped; its contact flow "
                "should have sent it away. Look for it in the instance's contact search.",
                "UnforeseenError": unforeseen,
            },
        )
        monitoring.watch_faults(
            "CallerContext",
            self._service("caller_context"),
            {"ConfigurationFault": refused, "UnforeseenError": unforeseen},
        )
        monitoring.show_counts(
            "Calls", self._service("start_call"), ["CallStarted", "CallReplayed", "Throttled"]
        )
        monitoring.show_counts(
            "Callers",
            self._service("caller_context"),
            ["ContactVerified", "ContactUnverified", "ContactAbandoned"],
        )
        monitoring.show_table(self._calls.table)
