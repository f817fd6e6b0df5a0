"""The stack of everything that a call passes through, and that can be created anew."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Duration, Environment, Stack
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.bridged_calls import BridgedCalls
from infra.config import (
    START_CALL_TIMEOUT_SECONDS,
    AdoptedContactFlow,
    Configuration,
    OwnContactFlow,
    Sandbox,
)
from infra.constructs.call_api import CallApi, Throttle, TokenCheck
from infra.constructs.call_table import CallTable
from infra.constructs.calling_switch import CallingSwitch
from infra.constructs.connect_function import ConnectFunction
from infra.constructs.connect_sandbox import ConnectSandbox
from infra.constructs.contact_events import FUNCTION_TIMEOUT, LATE_AFTER, ContactEvents
from infra.constructs.contact_flow import ContactFlow
from infra.constructs.customer_key import CustomerKey
from infra.constructs.firewall import Firewall
from infra.constructs.monitoring import Monitoring
from infra.constructs.python_function import PythonFunction
from infra.contract import read_operation
from infra.functions import FAULTS, Functions, log_retention
from infra.identity_config import Issuer
from infra.outputs import Output, parameter_name, publish
from infra.sip_bridge_stack import MEETING_FAULTS, SipBridgeStack
from infra.token_authorizer import AUTHORIZER, FAULTS_OF_AUTHORIZER, add_token_authorizer

# Longer than one attempt of (connect 1 s + read 2 s) at SSM, two of the same at the table, twice, and two of
# (connect 1 s + read 4 s) at Connect: 25 s. Shorter than the gateway's 29 s, so that the function itself
# still answers. A start over the SIP bridge claims, makes a meeting, stores it, dials and stores the answer:
# were each as slow as its time-outs allow (3 s, four times 6 s, and 5 s for the one attempt at dialling),
# that would be 32 s. The function ends before then, and the start is cleared away as one that was killed.
_API_TIMEOUT = Duration.seconds(START_CALL_TIMEOUT_SECONDS)

# A contact flow waits for 8 s at most, retries included.
_CALLER_CONTEXT_TIMEOUT = Duration.seconds(7)


class CallingStack(Stack):
    """The API, its functions, the table of calls, and what they need of Amazon Connect."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        configuration: Configuration,
        users: cognito.IUserPool | Issuer,
        sip_bridge: SipBridgeStack | None,
        checkout: Path,
    ) -> None:
        """`users` are those of a pool, or of an issuer of tokens. `checkout` is where `lambdas/`,
        `openapi.yaml` and `infra/contact_flows/` lie. Calls take `sip_bridge` to Connect where there is one.
        """
        super().__init__(
            scope,
            id_,
            description="In-app calling: API, functions, table and contact flows",
            env=Environment(account=configuration.account, region=configuration.region),
        )
        self._configuration = configuration
        self._checkout = checkout
        self._log_retention = log_retention(configuration)
        self._key = CustomerKey(
            self,
            "CustomerKey",
            log_group_names=[
                f"{self.stack_name}-*",
                f"aws-waf-logs-{self.stack_name}",
                "API-Gateway-Execution-Logs_*/*",
            ],
        ).key
        self._calls = CallTable(self, "Calls", key=self._key, bridged=sip_bridge is not None)
        self._functions = Functions(self, configuration=configuration, key=self._key, checkout=checkout)
        self._switch = CallingSwitch(
            self, "CallingSwitch", parameter_name=parameter_name(configuration.environment, "Calling")
        )

        self._instance_arn, queues = self._connect_instance()
        self._contact_arns = f"{self._instance_arn}/contact/*"
        self._bridged = (
            BridgedCalls(
                self, configuration=configuration, sip_bridge=sip_bridge, instance_arn=self._instance_arn
            )
            if sip_bridge is not None
            else None
        )
        caller_context = self._caller_context()
        verification = ConnectFunction(
            self, "CallerVerification", function=caller_context.alias, instance_arn=self._instance_arn
        )
        contact_flow_arn, topics = self._contact_flows(verification, queues)
        if self._bridged is not None:
            self._bridged.lead_into_flows(
                verification, default_contact_flow_arn=contact_flow_arn, checkout=checkout
            )
        start_call = self._start_call(contact_flow_arn, topics)
        call_control = self._call_control()
        events = ContactEvents(self, "ContactEvents", instance_arn=self._instance_arn, key=self._key)
        if self._bridged is not None:
            events.hear_bridge(
                connect_number=self._bridged.connect_number,
                external_meeting_id=self._bridged.external_meeting_id,
            )
        contact_events = self._contact_events(events)
        authorizer: PythonFunction | None = None
        callers: cognito.IUserPool | TokenCheck
        if isinstance(users, Issuer):
            authorizer = add_token_authorizer(self._functions, configuration=configuration, issuer=users)
            callers = TokenCheck(function=authorizer.alias, cached=Duration.seconds(users.cache_seconds))
        else:
            callers = users
        api = self._api(start_call, call_control, callers)
        self._monitoring(
            api,
            events,
            authorizer=authorizer,
            start_call=start_call,
            call_control=call_control,
            contact_events=contact_events,
            caller_context=caller_context,
        )
        outputs = {
            Output.API_URL: api.rest_api.url,
            Output.REGION: self.region,
            Output.CONNECT_INSTANCE_ARN: self._instance_arn,
            Output.CONTACT_FLOW_ARN: contact_flow_arn,
            Output.CALLS_TABLE: self._calls.table.table_name,
            Output.CALLING_PARAMETER: self._switch.parameter.parameter_name,
        }
        if isinstance(users, Issuer):
            outputs[Output.ISSUER] = users.issuer
        publish(self, environment=configuration.environment, values=outputs)

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
        function = self._function(
            "CallerContext",
            "caller_context",
            description="Tells a contact flow who calls",
            timeout=_CALLER_CONTEXT_TIMEOUT,
            environment=self._bridged.told("CONNECT_NUMBER") if self._bridged is not None else {},
            statements=self._calls.statements(
                "dynamodb:UpdateItem", query_by=["Reference"] if self._bridged is not None else []
            ),
        )
        if self._bridged is not None:
            self._bridged.renew_with_numbers(function)
        return function

    def _start_call(self, contact_flow_arn: str, topics: Mapping[str, str]) -> PythonFunction:
        configuration = self._configuration
        calls, offered = configuration.calls, configuration.capabilities
        capabilities = {"Video": offered.video, "ScreenShare": offered.screen_share}
        environment: dict[str, str] = {}
        start = [
            iam.PolicyStatement(
                sid="StartContacts",
                actions=["connect:StartWebRTCContact"],
                # Evaluated on both: the instance, and the flow that the contact enters.
                resources=[self._instance_arn, *dict.fromkeys([contact_flow_arn, *topics.values()])],
            )
        ]
        if self._bridged is not None:
            environment = self._bridged.told(
                "SIP_MEDIA_APPLICATION_ID",
                "CALLER_NUMBER",
                "CONNECT_NUMBER",
                "SIP_HEADERS",
                "EXTERNAL_MEETING_ID",
            )
            start = self._bridged.start_statements()
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
                "STARTS_PER_DAY": str(calls.starts_per_day),
                "CALLING_PARAMETER": self._switch.parameter.parameter_name,
                "AUTHENTICATION": json.dumps(
                    {
                        topic: rule.model_dump()
                        for topic, rule in configuration.identity.authentication.items()
                    }
                ),
                "ALLOWED_ORIGINS": json.dumps(configuration.api.allowed_origins),
                **environment,
            },
            statements=[
                *self._calls.statements("dynamodb:UpdateItem"),
                self._switch.read_statement(),
                *start,
                self._stop_contacts(),
            ],
        )
        self._acknowledge_contacts(function)
        if self._bridged is not None:
            self._bridged.acknowledge_meetings(function, makes_them=True)
            self._bridged.renew_with_numbers(function)
        return function

    def _call_control(self) -> PythonFunction:
        environment: dict[str, str] = {}
        control = [
            iam.PolicyStatement(
                sid="CreateParticipants",
                actions=["connect:CreateParticipant"],
                # Evaluated on both (Service Authorization Reference, Amazon Connect).
                resources=[self._instance_arn, self._contact_arns],
            )
        ]
        if self._bridged is not None:
            environment = self._bridged.told("SIP_MEDIA_APPLICATION_ID")
            control = self._bridged.control_statements()
        function = self._function(
            "CallControl",
            "call_control",
            description="Tells a call's state, hangs up, lets callers rejoin and send digits",
            timeout=_API_TIMEOUT,
            environment={
                "ALLOWED_ORIGINS": json.dumps(self._configuration.api.allowed_origins),
                **environment,
            },
            statements=[
                *self._calls.statements("dynamodb:GetItem", "dynamodb:UpdateItem"),
                self._stop_contacts(),
                *control,
            ],
        )
        self._acknowledge_contacts(function)
        if self._bridged is not None:
            self._bridged.acknowledge_meetings(function)
        return function

    def _contact_events(self, events: ContactEvents) -> PythonFunction:
        most_at_once = self._configuration.functions.event_concurrency
        function = self._function(
            "ContactEventsFunction",
            "contact_events",
            description="Notes how calls go, and stops contacts that nobody can join",
            timeout=FUNCTION_TIMEOUT,
            reserved_concurrency=most_at_once,
            environment=self._bridged.told("EXTERNAL_MEETING_ID") if self._bridged is not None else {},
            statements=[
                *events.receive_statements(),
                *self._calls.statements(
                    "dynamodb:GetItem",
                    "dynamodb:UpdateItem",
                    query_by=["ContactId", "MeetingId"] if self._bridged is not None else ["ContactId"],
                ),
                self._stop_contacts(),
                *(self._bridged.event_statements() if self._bridged is not None else []),
            ],
        )
        self._acknowledge_contacts(function)
        if self._bridged is not None:
            self._bridged.acknowledge_meetings(function)
        events.deliver_to(function.alias, most_at_once=most_at_once)
        return function

    def _stop_contacts(self) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid="StopContacts", actions=["connect:StopContact"], resources=[self._contact_arns]
        )

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
        function = self._functions.add(
            id_,
            package,
            description=description,
            timeout=timeout,
            statements=statements,
            environment={
                "CONNECT_INSTANCE_ARN": self._instance_arn,
                "CALLS_TABLE": self._calls.table.table_name,
                **(environment or {}),
            },
            reserved_concurrency=reserved_concurrency,
        )
        instance = self._configuration.connect.instance
        if isinstance(instance, Sandbox):
            # Another alias is another instance. A version keeps what it was told, and the template says the
            # same of any instance that is yet to come.
            function.function.invalidate_version_based_on(instance.instance_alias)
        return function

    def _api(
        self,
        start_call: PythonFunction,
        call_control: PythonFunction,
        callers: cognito.IUserPool | TokenCheck,
    ) -> CallApi:
        settings, quotas = self._configuration.api, self._configuration.connect.quotas
        start = Throttle(rate=quotas.start_webrtc_contact_rate, burst=quotas.start_webrtc_contact_burst)
        control = Throttle(rate=quotas.call_control_rate, burst=quotas.call_control_burst)
        if self._bridged is not None:
            start, control = self._bridged.start_throttle(), self._bridged.control_throttle()
        api = CallApi(
            self,
            "Api",
            users=callers,
            allowed_origins=settings.allowed_origins,
            throttle=Throttle(rate=settings.status_rate, burst=settings.status_burst),
            # What asks Connect or the SIP bridge something, within their quotas.
            throttles={
                "/start-call/POST": start,
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
            starts_per_ip_per_5_minutes=settings.starts_per_ip_per_5_minutes,
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
        authorizer: PythonFunction | None,
        start_call: PythonFunction,
        call_control: PythonFunction,
        contact_events: PythonFunction,
        caller_context: PythonFunction,
    ) -> None:
        monitoring = Monitoring(self, "Monitoring", key=self._key, email=self._configuration.alarms.email)
        monitoring.watch_api(api.rest_api, not_invoked=api.not_invoked)
        stop_failed = {
            "ContactStopFailed": "A contact that should end could not be stopped. Its caller may be gone; "
            "its contact flow or an agent ends it. Look for it in the instance's contact search.",
        }
        if self._bridged is not None:
            stop_failed |= MEETING_FAULTS
        reserved = "functions.reserved_concurrency"
        for name, package, function, concurrency, more in (
            ("StartCall", "start_call", start_call, reserved, stop_failed),
            # A hang-up that fails is told to its caller, who tries again.
            ("CallControl", "call_control", call_control, reserved, {}),
            (
                "ContactEvents",
                "contact_events",
                contact_events,
                "functions.event_concurrency",
                stop_failed,
            ),
            ("CallerContext", "caller_context", caller_context, reserved, {}),
        ):
            monitoring.watch_function(name, function.function, concurrency=concurrency)
            monitoring.watch_faults(name, self._functions.service(package), {**FAULTS, **more})
        if authorizer is not None:
            # An error of it is never a stranger's doing: a bad token gets an answer.
            monitoring.watch_function(
                "Authorizer",
                authorizer.function,
                failed="it had no keys to verify a token with, crashed or timed out",
            )
            service = self._functions.service(AUTHORIZER)
            monitoring.watch_faults("Authorizer", service, {**FAULTS, **FAULTS_OF_AUTHORIZER})
            monitoring.show_counts("Tokens", service, ["TokenAccepted", "TokenRefused"])
        monitoring.watch_queue(
            "ContactEvents",
            events.queue,
            events.dead_letters,
            late_after=LATE_AFTER,
            late_advice=f"A contact event has waited for {LATE_AFTER.to_minutes():g} minutes. Ended calls "
            "count as active, and after four hours events are lost. Look whether the event source mapping of "
            "contact_events is enabled. If it is, there are more events than the function takes: raise "
            "functions.event_concurrency.",
            given_up_advice="Contact events could not be noted in five attempts. Look at the log of "
            "contact_events; once the cause is gone, redrive the dead-letter queue. Their calls end by "
            "themselves.",
        )
        for title, package, names in (
            ("Calls", "start_call", ["CallStarted", "CallReplayed", "Throttled"]),
            ("Callers", "caller_context", ["ContactVerified", "ContactUnverified", "ContactAbandoned"]),
            ("What callers do", "call_control", ["CallHungUp", "CallRejoined", "DigitsSent"]),
            ("How calls go", "contact_events", ["CallEnded", "CallAbandonedInQueue"]),
        ):
            monitoring.show_counts(title, self._functions.service(package), names)
        monitoring.show_times(
            "Waiting and talking",
            self._functions.service("contact_events"),
            ["TimeToAnswer", "CallDuration"],
        )
        monitoring.show_table(self._calls.table)
