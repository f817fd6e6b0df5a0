"""The alarm on calls of the canary that do not come through, or do not come at all."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.canary_metric import DIMENSION, NAME, NAMESPACE, RUNS_PER_DAY

# A run that a schedule brings late, or one that failed by itself, wakes nobody.
_RUNS = 3


class CanaryAlarm(Construct):
    """Goes off where none of three runs in a row came through; one that did not take place did not either."""

    def __init__(self, scope: Construct, id_: str, *, environment: str) -> None:
        """`environment` is the name that the canary puts into its metric."""
        super().__init__(scope, id_)
        period = Duration.minutes(24 * 60 // RUNS_PER_DAY)
        self.alarm = cloudwatch.Alarm(
            self,
            "Alarm",
            metric=cloudwatch.Metric(
                namespace=NAMESPACE,
                metric_name=NAME,
                dimensions_map={DIMENSION: environment},
                statistic="Maximum",
                period=period,
            ),
            threshold=1,
            evaluation_periods=_RUNS,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
            alarm_description=f"No call of the canary came through in {_RUNS} runs: callers may not reach "
            "you, or the canary does not run. Its last run in GitHub says which stage failed. "
            "Runbook: docs/operations.md#canaryalarm",
        )
