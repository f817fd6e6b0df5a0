"""Whether calling is on, and whether anybody is told of alarms."""

from __future__ import annotations

from collections.abc import Iterator

from infra.outputs import Output
from infra.switch_values import ON
from operations.doctor.check import Check, Finding, Read, passed_or_warned, warned
from operations.doctor.stack_reads import STACK_RESOURCES
from operations.doctor.subject import Subject


def _look_at_switch(subject: Subject) -> Iterator[Finding]:
    name = subject.outputs[Output.CALLING_PARAMETER]
    value = subject.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    yield passed_or_warned(
        value == ON,
        f"calling is {value!r}",
        "new calls are taken",
        f"make resume-calls ENV={subject.configuration.environment}",
    )


def _look_at_subscription(subject: Subject) -> Iterator[Finding]:
    wanted = "somebody receives the alarms"
    if subject.configuration.alarms.email is None:
        yield warned("alarms.email is not set", wanted, "set alarms.email, and deploy.")
        return
    pages = subject.client("sns").get_paginator("list_subscriptions_by_topic")
    for topic in subject.resources_of("AWS::SNS::Topic"):
        states = [
            subscription["SubscriptionArn"]
            for page in pages.paginate(TopicArn=topic.physical_id)
            for subscription in page["Subscriptions"]
        ]
        confirmed = [state for state in states if state.startswith("arn:")]
        yield passed_or_warned(
            confirmed and len(confirmed) == len(states),
            f"{len(confirmed)} of {len(states)} subscriptions of {topic.logical_id} are confirmed",
            wanted,
            "confirm the mail that AWS has sent to alarms.email.",
        )


def _look_at_alarms(subject: Subject) -> Iterator[Finding]:
    pages = subject.client("cloudwatch").get_paginator("describe_alarms")
    on = [
        alarm["AlarmName"]
        for name in subject.stack_names
        for page in pages.paginate(
            AlarmNamePrefix=f"{name}-", StateValue="ALARM", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for alarm in (*page.get("MetricAlarms", []), *page.get("CompositeAlarms", []))
    ]
    yield passed_or_warned(
        not on,
        f"{len(on)} alarms are on{': ' if on else ''}{', '.join(sorted(on))}",
        "no alarm is on",
        "docs/operations.md, “Alarms”.",
    )


CHECKS = (
    Check(
        name="calling switch",
        reads=(Read("ssm:GetParameter", "arn:aws:ssm:*:*:parameter/in-app-calling/*"),),
        look=_look_at_switch,
        applies=lambda subject: Output.CALLING_PARAMETER in subject.outputs,
        of_deployment=True,
    ),
    Check(
        name="alarm recipients",
        reads=(STACK_RESOURCES, Read("sns:ListSubscriptionsByTopic", "arn:aws:sns:*:*:InAppCalling-*")),
        look=_look_at_subscription,
        applies=lambda subject: subject.is_deployed,
        of_deployment=True,
    ),
    Check(
        name="alarms",
        reads=(Read("cloudwatch:DescribeAlarms"),),
        look=_look_at_alarms,
        applies=lambda subject: subject.is_deployed,
        of_deployment=True,
    ),
)
