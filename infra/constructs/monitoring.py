"""A stack's alarms and its dashboard."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.alarms import RUNBOOKS, Alarm, Watched

_OUTAGE = "CallersCannotReachUs"


class Monitoring(Construct):
    """An encrypted topic for alarms, and a dashboard. What is watched adds to both."""

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey, email: str | None) -> None:
        """`email` is subscribed to the topic; AWS asks its owner first."""
        super().__init__(scope, id_)
        self.topic = sns.Topic(self, "Alarms", master_key=key, enforce_ssl=True)
        # A topic with a policy of its own has lost the default one, by which alarms may publish.
        stack = Stack.of(self)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisStack",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {
                        "aws:SourceArn": stack.format_arn(
                            service="cloudwatch",
                            resource="alarm",
                            resource_name=f"{stack.stack_name}-*",
                            arn_format=ArnFormat.COLON_RESOURCE_NAME,
                        )
                    },
                },
            )
        )
        if email is not None:
            subscription = self.topic.add_subscription(subscriptions.EmailSubscription(email))
            acknowledge(
                subscription,
                "Serverless::Serverless-SNSRedrivePolicy",
                reason="Amazon SNS repeats an undelivered mail for six hours, and CloudWatch keeps each "
                "alarm's state and history. A dead-letter queue would hold copies of it that nobody reads.",
            )
        self._dashboard = cloudwatch.Dashboard(self, "Dashboard")
        self._outages: dict[str, list[cloudwatch.Alarm]] = {}

    def watch(self, *parts: Watched) -> None:
        """Adds the alarms of each to the topic, and its graphs to the dashboard, in this order.

        Alarms of outages notify nobody until `notify_of_outages`.
        """
        for part in parts:
            for alarm in part.alarms():
                self._add(alarm)
            for row in part.graphs():
                self._dashboard.add_widgets(*row)

    def notify_of_outages(self, *others: cloudwatch.Alarm) -> None:
        """Adds one alarm that is on while callers cannot reach the contact center: during each outage whose
        alarms are watched by now, and while one of `others` is on. It alone notifies.
        """
        for alarm in others:
            self._leave_to_outages(alarm)
        every = [
            *(cloudwatch.AlarmRule.all_of(*map(_is_on, alarms)) for alarms in self._outages.values()),
            *map(_is_on, others),
        ]
        cloudwatch.CompositeAlarm(
            self,
            _OUTAGE,
            # By the name that the CDK would give it, it might not publish to the topic.
            composite_alarm_name=f"{Stack.of(self).stack_name}-{_OUTAGE}",
            alarm_rule=cloudwatch.AlarmRule.any_of(*every),
            alarm_description="Callers cannot reach the contact center, or soon cannot. The reason of this "
            "alarm's state names the alarm that is on, whose description says what to do; it sends no "
            "message of its own, and neither does another one that follows while this is on. "
            f"Runbook: {RUNBOOKS}#{_OUTAGE.lower()}",
        ).add_alarm_action(actions.SnsAction(self.topic))

    def _add(self, alarm: Alarm) -> None:
        added = cloudwatch.Alarm(
            self,
            alarm.name,
            metric=alarm.metric,
            threshold=alarm.threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=alarm.description,
        )
        if alarm.outage is None:
            added.add_alarm_action(actions.SnsAction(self.topic))
            return
        self._outages.setdefault(alarm.outage, []).append(added)
        self._leave_to_outages(added)

    def _leave_to_outages(self, alarm: cloudwatch.Alarm) -> None:
        acknowledge(
            alarm,
            "HIPAA.Security::HIPAA.Security-CloudWatchAlarmAction",
            "NIST.800.53.R4::NIST.800.53.R4-CloudWatchAlarmAction",
            "NIST.800.53.R5::NIST.800.53.R5-CloudWatchAlarmAction",
            reason=f"The composite alarm {_OUTAGE} has this one in its rule, and an action. With one here "
            "too, a single event would send two messages.",
        )


def _is_on(alarm: cloudwatch.IAlarm) -> cloudwatch.IAlarmRule:
    return cloudwatch.AlarmRule.from_alarm(alarm, cloudwatch.AlarmState.ALARM)
