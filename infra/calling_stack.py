"""The stack of everything that a call passes through, and that can be created anew."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Duration, Environment, Stack
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.bundling import bundle, bundle_dependencies
from infra.config import (
    START_CALL_TIMEOUT_SECONDS,
    AdoptedContactFlow,
    Configuration,
    OwnContactFlow,
    Sandbox,
)
from infra.constructs.call_api import CallApi, Throttle
from infra.constructs.call_table import CallTable
from infra.constructs.connect_function import ConnectFunction
from infra.constructs.connect_sandbox import ConnectSandbox
from infra.constructs.contact_events import FUNCTION_TIMEOUT, MOST_AT_ONCE, ContactEvents
from infra.constructs.contact_flow import ContactFlow
from infra.constructs.customer_key import CustomerKey
from infra.constructs.firewall import Firewall
from infra.constructs.monitoring import Monitoring
from infra.constructs.python_function import PythonFunction
from infra.contract import read_operation
from infra.outputs import Output, publish

# Longer than two attempts of (connect 1 s + read 2 s) at the table, twice, and of (connect 1 s + read 4 s) at
# Connect. Shorter than the gateway's 29 s, so that the function itself still answers.
_API_TIMEOUT = Duration.seconds(START_CALL_TIMEOUT_SECONDS)

# A contact flow waits for 8 s at most, retries included.
_CALLER_CONTEXT_TIMEOUT = Duration.seconds(7)

# What every function counts, and what an operator does about it.
_FAULTS: Mapping[str, str] = {
    "ConfigurationFault": "AWS refused what this deployment asks of it: an access right, a contact flow or "
    "an instance is not what the configuration says. Look for 'AWS refused' in the function's log.",
    "UnforeseenError": "A fault in the function. Look for 'Unforeseen error' in its log.",
}

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
        self._layer = lambda_.LayerVersion(
            self,
            "Dependencies",
            description="What the functions import beside their own sources",
            code=lambda_.Code.from_asset(str(bundle_dependencies(checkout))),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )

        self._instance_arn, queues = self._connect_instance()
        self._contact_arns = f"{self._instance_arn}/contact/*"
        caller_context = self._caller_context()
        verification = ConnectFunction(
            self, "CallerVerification", function=caller_context.alias, instance_arn=self._instance_arn
        )
        contact_flow_arn, topics = self._contact_flows(verification, queues)
        start_call = self._start_call(contact_flow_arn, topics)
        call_control = self._call_control()
        events = ContactEvents(self, "ContactEvents", instance_arn=self._instance_arn, key=self._key)
        contact_events = self._contact_events(events)
        api = self._api(start_call, call_control, user_pool)
        self._monitoring(
            api,
            events,
            start_call=start_call,
            call_control=call_control,
            contact_events=contact_events,
            caller_context=caller_context,
        )
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
            statements=self._calls.statements("dynamodb:UpdateItem"),
        )

    def _start_call(self, contact_flow_arn: str, topics: Mapping[str, str]) -> PythonFunction:
        configuration = self._configuration
        calls, offered = configuration.calls, configuration.capabilities
        capabilities = {"Video": offered.video, "ScreenShare": offered.screen_share}
        function = self._function(
            "StartCall",
            "start_call",
            description="Starts a call of a signed-in user",
            timeout=_API_TIMEOUT,
            environment={
                "CONTACT_FLOW_ARN": contact_flow_arn,
                "TOPIC_CONTACT_FLOW_ARNS": self.to_json_string(topics),
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
                *self._calls.statements("dynamodb:UpdateItem"),
                iam.PolicyStatement(
                    sid="StartContacts",
                    actions=["connect:StartWebRTCContact"],
                    # Evaluated on both: the instance, and the flow that the contact enters.
                    resources=[self._instance_arn, *dict.fromkeys([contact_flow_arn, *topics.values()])],
                ),
                self._on_contacts("connect:StopContact"),
            ],
        )
        self._acknowledge_contacts(function)
        return function

    def _call_control(self) -> PythonFunction:
        function = self._function(
            "CallControl",
            "call_control",
            description="Tells a call's state, hangs up, lets callers rejoin and send digits",
            timeout=_API_TIMEOUT,
            environment={
                "ALLOWED_ORIGINS": json.dumps(self._configuration.api.allowed_origins),
            },
            statements=[
                *self._calls.statements("dynamodb:GetItem", "dynamodb:UpdateItem"),
                self._on_contacts("connect:CreateParticipant", "connect:StopContact"),
            ],
        )
        self._acknowledge_contacts(function)
        return function

    def _contact_events(self, events: ContactEvents) -> PythonFunction:
        function = self._function(
            "ContactEventsFunction",
            "contact_events",
            description="Notes how calls go, and stops contacts that nobody can join",
            timeout=FUNCTION_TIMEOUT,
            reserved_concurrency=MOST_AT_ONCE,
            statements=[
                *events.receive_statements(),
                *self._calls.statements("dynamodb:GetItem", "dynamodb:UpdateItem", query_by_contact=True),
                self._on_contacts("connect:StopContact"),
            ],
        )
        self._acknowledge_contacts(function)
        events.deliver_to(function.alias)
        return function

    def _on_contacts(self, *actions: str) -> iam.PolicyStatement:
        return iam.PolicyStatement(sid="Contacts", actions=list(actions), resources=[self._contact_arns])

    def _acknowledge_contacts(self, function: PythonFunction) -> None:
        # As cdk-nag spells an ARN that is known at deployment only.
        arn = self.resolve(self._instance_arn)
        instance = arn if isinstance(arn, str) else f"<{'.'.join(arn['Fn::GetAtt'])}>"
        acknowledge(
            function.policy,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{instance}/contact/*]",
            reason="Its actions take a contact, and contacts come into being while the function runs. It may "
            "touch those of this one instance.",
        )

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
        statements: Sequence[iam.PolicyStatement],
        environment: Mapping[str, str] | None = None,
        reserved_concurrency: int | None = None,
    ) -> PythonFunction:
        """`environment` is what the function is told beside the instance and the table, which all are."""
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
            reserved_concurrency=reserved_concurrency or settings.reserved_concurrency,
            environment={
                "CONNECT_INSTANCE_ARN": self._instance_arn,
                "CALLS_TABLE": self._calls.table.table_name,
                **(environment or {}),
            },
            statements=statements,
            layer=self._layer,
            tracing=self._tracing,
            key=self._key,
            log_retention=self._log_retention,
        )

    def _service(self, package: str) -> str:
        """A function's name in logs, metrics and traces; two environments may share an account."""
        return f"{self._configuration.environment}-{package.replace('_', '-')}"

    def _api(
        self, start_call: PythonFunction, call_control: PythonFunction, user_pool: cognito.IUserPool
    ) -> CallApi:
        settings, quotas = self._configuration.api, self._configuration.connect.quotas
        control = Throttle(rate=quotas.call_control_rate, burst=quotas.call_control_burst)
        api = CallApi(
            self,
            "Api",
            user_pool=user_pool,
            allowed_origins=settings.allowed_origins,
            throttle=Throttle(rate=settings.status_rate, burst=settings.status_burst),
            # What asks Connect something, within Connect's quotas.
            throttles={
                "/start-call/POST": Throttle(
                    rate=quotas.start_webrtc_contact_rate, burst=quotas.start_webrtc_contact_burst
                ),
                "/calls/{ContactId}/DELETE": control,
                "/calls/{ContactId}/connection/POST": control,
                "/calls/{ContactId}/digits/POST": control,
            },
            key=self._key,
            log_retention=self._log_retention,
        )
        for path, method, function in (
            ("start-call", "POST", start_call),
            ("calls/{ContactId}", "GET", call_control),
            ("calls/{ContactId}", "DELETE", call_control),
            ("calls/{ContactId}/connection", "POST", call_control),
            ("calls/{ContactId}/digits", "POST", call_control),
        ):
            operation = read_operation(self._checkout / "openapi.yaml", f"/{path}", method.lower())
            api.add_method(
                path,
                method,
                function=function.alias,
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

    def _monitoring(
        self,
        api: CallApi,
        events: ContactEvents,
        *,
        start_call: PythonFunction,
        call_control: PythonFunction,
        contact_events: PythonFunction,
        caller_context: PythonFunction,
    ) -> None:
        monitoring = Monitoring(self, "Monitoring", key=self._key, email=self._configuration.alarms.email)
        monitoring.watch_api(api.rest_api)
        stop_failed = {
            "ContactStopFailed": "A contact that should end could not be stopped. Its caller may be gone; "
            "its contact flow or an agent ends it. Look for it in the instance's contact search.",
        }
        for name, package, function, more in (
            ("StartCall", "start_call", start_call, stop_failed),
            # A hang-up that fails is told to its caller, who tries again.
            ("CallControl", "call_control", call_control, {}),
            ("ContactEvents", "contact_events", contact_events, stop_failed),
            ("CallerContext", "caller_context", caller_context, {}),
        ):
            monitoring.watch_function(name, function.function)
            monitoring.watch_faults(name, self._service(package), {**_FAULTS, **more})
        monitoring.watch_queue(
            "ContactEvents",
            events.queue,
            events.dead_letters,
            advice="Contact events could not be noted in five attempts. Look at the log of contact_events; "
            "once the cause is gone, redrive the dead-letter queue. Their calls end by themselves.",
        )
        for title, package, names in (
            ("Calls", "start_call", ["CallStarted", "CallReplayed", "Throttled"]),
            ("Callers", "caller_context", ["ContactVerified", "ContactUnverified", "ContactAbandoned"]),
            ("What callers do", "call_control", ["CallHungUp", "CallRejoined", "DigitsSent"]),
            ("How calls go", "contact_events", ["CallEnded", "CallAbandonedInQueue"]),
        ):
            monitoring.show_counts(title, self._service(package), names)
        monitoring.show_times(
            "Waiting and talking",
            self._service("contact_events"),
            ["TimeToAnswer", "CallDuration"],
        )
        monitoring.show_table(self._calls.table)
