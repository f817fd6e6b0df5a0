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
from infra.alarms import Watched


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

    def watch(self, *parts: Watched) -> None:
        """Adds the alarms of each to the topic, and its graphs to the dashboard, in this order."""
        for part in parts:
            for alarm in part.alarms():
                cloudwatch.Alarm(
                    self,
                    alarm.name,
                    metric=alarm.metric,
                    threshold=alarm.threshold,
                    evaluation_periods=1,
                    comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
                    treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
                    alarm_description=alarm.advice,
                ).add_alarm_action(actions.SnsAction(self.topic))
            for row in part.graphs():
                self._dashboard.add_widgets(*row)
