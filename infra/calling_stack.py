"""The stack of everything that a call passes through, and that can be created anew."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.configuration import Configuration
from infra.constructs.call_table import CallTable
from infra.constructs.calling_switch import CallingSwitch
from infra.constructs.canary_alarm import CanaryAlarm
from infra.constructs.connect_metrics import ConnectMetrics
from infra.constructs.contact_events import ContactEvents
from infra.constructs.error_budget import ErrorBudget
from infra.constructs.monitoring import Monitoring
from infra.constructs.waiting_table import WaitingTable
from infra.contact_center import ContactFlows, connect_instance
from infra.data_key import data_key
from infra.functions.availability import AvailabilityFunction
from infra.functions.call_control import CallControlFunction
from infra.functions.caller_context import CallerContextFunction
from infra.functions.contact_events import ContactEventsFunction
from infra.functions.function import CallFunctionDefaults
from infra.functions.sources import AWS_OPERATIONS
from infra.functions.start_call import StartCallFunction
from infra.http_api import add_api
from infra.outputs import Output, parameter_name
from infra.publishing import publish
from infra.transport import CallingParts, Transport
from infra.users import Users


class CallingStack(Stack):
    """The API, its functions, the table of calls, and what they need of Amazon Connect."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        configuration: Configuration,
        users: Users,
        transport: Transport,
        checkout: Path,
    ) -> None:
        """`checkout` is where `lambdas/`, `openapi.yaml` and `infra/contact_flows/` lie."""
        super().__init__(
            scope,
            id_,
            description="In-app calling: API, functions, table and contact flows",
            env=Environment(account=configuration.account, region=configuration.region),
        )
        log_groups = [f"{id_}-*", "API-Gateway-Execution-Logs_*/*"]
        if configuration.api.own_web_acl:
            log_groups.append(f"aws-waf-logs-{id_}")
        key = data_key(self, configuration.platform, log_group_names=log_groups)
        calls = CallTable(self, "Calls", key=key)
        waiting = WaitingTable(self, "Waiting", key=key)
        switch = CallingSwitch(
            self, "CallingSwitch", parameter_name=parameter_name(configuration.environment, "Calling")
        )
        instance = connect_instance(self, configuration.connect, configuration.smoke)
        events = ContactEvents(self, "ContactEventQueue", instance_arn=instance.arn, key=key)

        defaults = CallFunctionDefaults(
            self,
            "Functions",
            configuration=configuration,
            key=key,
            checkout=checkout,
            aws_operations=[*AWS_OPERATIONS, *transport.aws_operations],
            instance=instance,
            calls=calls,
            transport_modules=transport.modules,
        )
        caller_context = CallerContextFunction(self, "CallerContext", defaults=defaults)
        availability = AvailabilityFunction(self, "Availability", defaults=defaults, waiting=waiting)
        flows = ContactFlows(
            self,
            "ContactFlows",
            defaults=defaults,
            caller_context=caller_context.alias,
            availability=availability.alias,
        )
        start_call = StartCallFunction(self, "StartCall", defaults=defaults, flows=flows, switch=switch)
        call_control = CallControlFunction(self, "CallControl", defaults=defaults, waiting=waiting)
        contact_events = ContactEventsFunction(self, "ContactEvents", defaults=defaults)
        events.deliver_to(contact_events.alias, max_concurrency=configuration.functions.event_concurrency)

        calls.grant_update(caller_context)
        calls.grant_read_write(start_call)
        calls.grant_read_write(call_control)
        calls.grant_read_write(contact_events)
        calls.grant_find(contact_events)
        waiting.grant_read_write(call_control)
        waiting.grant_find(call_control)
        waiting.grant_read_write(availability)
        switch.grant_read(start_call)
        events.grant_receive(contact_events)
        instance.grant_stop_contact(start_call)
        instance.grant_stop_contact(call_control)
        instance.grant_stop_contact(contact_events)
        instance.grant_create_participant(call_control)
        instance.grant_read_waiting(call_control)
        instance.grant_read_queues(availability, queue_arns=defaults.queues_of_calls)

        throttles = transport.attach(
            CallingParts(
                stack=self,
                instance=instance,
                flows=flows,
                events=events,
                start_call=start_call,
                call_control=call_control,
                contact_events=contact_events,
                caller_context=caller_context,
            )
        )
        authorization = users.authorize(self, defaults)
        http = add_api(
            self,
            defaults=defaults,
            authorizer=authorization.authorizer,
            throttles=throttles,
            start_call=start_call.alias,
            call_control=call_control.alias,
            availability=availability.alias,
        )
        monitoring = Monitoring(self, "Monitoring", key=key, email=configuration.alarms.email)
        events.expect_events_of(start_call.count("CallStarted"))
        monitoring.watch(http.api, start_call, call_control, contact_events, caller_context)
        monitoring.watch(availability, *authorization.watched, events, calls, waiting)
        starts = ErrorBudget(
            self,
            "StartErrorBudget",
            title="Starts",
            access_log=http.api.access_log,
            method="POST",
            path="/start-call",
            # Calls that an operator has stopped, and all but the first refusal of one user within an hour.
            forgiven=[start_call.count("StartStopped"), start_call.count("StartRefusedAgain")],
        )
        monitoring.watch(ConnectMetrics(instance_id=instance.id), starts)
        monitoring.notify_of_outages(*_canary_alarms(self, configuration))
        outputs = {
            Output.REGION: self.region,
            Output.CONNECT_INSTANCE_ARN: instance.arn,
            Output.CONTACT_FLOW_ARN: flows.default_arn,
            Output.CALLS_TABLE: calls.table.table_name,
            Output.CALLING_PARAMETER: switch.parameter.parameter_name,
            Output.CALL_TRANSPORT: transport.name,
        }
        outputs |= {**http.outputs, **authorization.outputs}
        publish(self, environment=configuration.environment, values=outputs)


def _canary_alarms(stack: Stack, configuration: Configuration) -> list[cloudwatch.Alarm]:
    """The alarm on calls of the canary, where there is one."""
    if not configuration.smoke.canary:
        return []
    return [CanaryAlarm(stack, "Canary", environment=configuration.environment).alarm]
