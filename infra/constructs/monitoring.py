"""Who is told when calls fail, and where to look."""

from __future__ import annotations

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledgements import acknowledge

_PERIOD = Duration.minutes(5)


class Monitoring(Construct):
    """An encrypted topic for alarms, and a dashboard. What is watched is added to both."""

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

    def watch_api(self, api: apigateway.RestApi, *, not_invoked: logs.MetricFilter) -> None:
        """Requests, errors and latency; alarms when callers get 5xx, and when functions cannot be invoked,
        which `not_invoked` counts.
        """
        stage = api.deployment_stage
        server_errors = stage.metric_server_error(period=_PERIOD, statistic="Sum")
        integration_failures = not_invoked.metric(period=_PERIOD, statistic="Sum")
        self._alarm(
            "ServerErrors",
            server_errors,
            threshold=5,
            description="Callers got five or more 5xx within five minutes. Look at the function's log and at "
            "the health of Amazon Connect.",
        )
        self._alarm(
            "IntegrationFailures",
            integration_failures,
            threshold=5,
            description="API Gateway could not invoke a function five or more times within five minutes; "
            "callers got 429. If a Throttles alarm is on too, raise functions.reserved_concurrency. If not, "
            "the API's execution log says why: look at the function's alias live, at who may invoke it, and "
            "at the health of AWS Lambda.",
        )
        self._dashboard.add_widgets(
            cloudwatch.GraphWidget(
                title="Requests",
                width=12,
                left=[
                    stage.metric_count(period=_PERIOD),
                    stage.metric_client_error(period=_PERIOD, statistic="Sum"),
                    server_errors,
                    integration_failures,
                ],
            ),
            cloudwatch.GraphWidget(
                title="Latency",
                width=12,
                left=[
                    stage.metric_latency(period=_PERIOD, statistic="p50"),
                    stage.metric_latency(period=_PERIOD, statistic="p99"),
                ],
            ),
        )

    def watch_function(
        self,
        name: str,
        function: lambda_.Function,
        *,
        failed: str = "it crashed or timed out",
        concurrency: str = "functions.reserved_concurrency",
    ) -> None:
        """Errors, throttles, duration and concurrency; alarms on the first two. An error means `failed`, and
        `concurrency` is what to raise when the function is throttled.
        """
        errors = function.metric_errors(period=_PERIOD)
        throttles = function.metric_throttles(period=_PERIOD)
        self._alarm(
            f"{name}Errors",
            errors,
            threshold=1,
            description=f"{name} failed without an answer: {failed}. Look at its log.",
        )
        self._alarm(
            f"{name}Throttles",
            throttles,
            threshold=1,
            description=f"{name} was throttled: raise {concurrency}.",
        )
        self._dashboard.add_widgets(
            cloudwatch.GraphWidget(title=f"{name}: errors, throttles", width=8, left=[errors, throttles]),
            cloudwatch.GraphWidget(
                title=f"{name}: duration",
                width=8,
                left=[
                    function.metric_duration(period=_PERIOD, statistic="p50"),
                    function.metric_duration(period=_PERIOD, statistic="p99"),
                ],
            ),
            cloudwatch.GraphWidget(
                title=f"{name}: concurrency",
                width=8,
                left=[function.metric("ConcurrentExecutions", period=_PERIOD, statistic="Maximum")],
            ),
        )

    def watch_faults(self, name: str, service: str, faults: dict[str, str]) -> None:
        """An alarm on each fault that a function counts: `faults` maps a metric to what an operator does."""
        metrics = {metric: _count(service, metric) for metric in faults}
        for metric, advice in faults.items():
            self._alarm(f"{name}{metric}", metrics[metric], threshold=1, description=advice)
        self._dashboard.add_widgets(
            cloudwatch.GraphWidget(title=f"{name}: faults", width=12, left=list(metrics.values()))
        )

    def show_counts(self, title: str, service: str, names: list[str]) -> None:
        """A graph of what a function counts."""
        self._dashboard.add_widgets(
            cloudwatch.GraphWidget(title=title, width=12, left=[_count(service, name) for name in names])
        )

    def watch_queue(
        self,
        name: str,
        queue: sqs.Queue,
        dead_letters: sqs.Queue,
        *,
        late_after: Duration,
        late_advice: str,
        given_up_advice: str,
    ) -> None:
        """How old the oldest message is; alarms when it has come to `late_after`, and when a message has been
        given up, each with what to do then.
        """
        given_up = dead_letters.metric_approximate_number_of_messages_visible(
            period=_PERIOD, statistic="Maximum"
        )
        self._alarm(f"{name}GivenUp", given_up, threshold=1, description=given_up_advice)
        age = queue.metric_approximate_age_of_oldest_message(period=_PERIOD, statistic="Maximum")
        self._alarm(f"{name}Late", age, threshold=int(late_after.to_seconds()), description=late_advice)
        self._dashboard.add_widgets(
            cloudwatch.GraphWidget(title=f"{name}: oldest, given up", width=12, left=[age], right=[given_up])
        )

    def show_times(self, title: str, service: str, names: list[str]) -> None:
        """A graph of times that a function measures: half of them were shorter, and nine in ten."""
        metrics = [_count(service, name) for name in names]
        self._dashboard.add_widgets(
            cloudwatch.GraphWidget(
                title=title,
                width=12,
                left=[metric.with_(statistic=part) for metric in metrics for part in ("p50", "p90")],
            )
        )

    def show_table(self, table: dynamodb.Table) -> None:
        """The table's throttled writes and consumed capacity."""
        self._dashboard.add_widgets(
            cloudwatch.GraphWidget(
                title="Table",
                width=12,
                left=[table.metric_consumed_write_capacity_units(period=_PERIOD)],
                right=[
                    table.metric_throttled_requests_for_operation("UpdateItem", period=_PERIOD),
                ],
            )
        )

    def _alarm(self, id_: str, metric: cloudwatch.IMetric, *, threshold: int, description: str) -> None:
        alarm = cloudwatch.Alarm(
            self,
            id_,
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))


def _count(service: str, name: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="InAppCalling",
        metric_name=name,
        dimensions_map={"service": service},
        statistic="Sum",
        period=_PERIOD,
    )
