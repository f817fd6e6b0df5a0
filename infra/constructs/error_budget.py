"""How fast failures use up the error budget of one method of the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.alarms import PERIOD, RUNBOOKS, Alarm

OBJECTIVE = 0.995
"""The share of requests that are to be answered as they should be, over 30 days. The rest is the budget."""


@dataclass(frozen=True, kw_only=True)
class Burn:
    """Failures that use the budget up `rate` times as fast as 30 days allow, over `window`, and still in the
    last `recent` of it.

    Fewer than `min_requests` in `window` say nothing: with so many, no single failure reaches the share.
    """

    name: str
    rate: float
    window: Duration
    recent: Duration
    min_requests: int

    @property
    def share(self) -> float:
        """The share of failed requests from which on it burns so fast."""
        return round(self.rate * (1 - OBJECTIVE), 6)


# Windows and rates are those of Google's Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate
# Alerts": 2 % of a month's budget in an hour, and 5 % in six.
BURNS = (
    Burn(
        name="fast", rate=14.4, window=Duration.hours(1), recent=Duration.minutes(5), min_requests=20
    ),
    Burn(
        name="slow", rate=6, window=Duration.hours(6), recent=Duration.minutes(30), min_requests=40
    ),
)  # fmt: skip


class ErrorBudget(Construct):
    """Counts in the access log how a method is answered, since no metric of API Gateway has both what the
    gateway and what the function answers, with the status that the caller gets.

    A request that is answered with 4xx uses no budget and is not counted: anybody can send those. The one
    4xx that is ours is that of a function which the gateway cannot invoke.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        title: str,
        access_log: logs.ILogGroup,
        method: str,
        path: str,
        forgiven: Sequence[cloudwatch.Metric],
    ) -> None:
        """`title` is what the alarms and metrics call the requests: "Starts". `forgiven` are counts of
        requests that are answered with 5xx and use no budget.
        """
        super().__init__(scope, id_)
        self._title, self._forgiven = title, forgiven
        requests = [
            logs.FilterPattern.string_value("$.method", "=", method),
            logs.FilterPattern.string_value("$.resourcePath", "=", path),
        ]
        not_invoked = apigateway.ResponseType.INTEGRATION_FAILURE.response_type
        self._answered = self._count(
            "Answered",
            access_log,
            logs.FilterPattern.all(*requests, logs.FilterPattern.string_value("$.status", "=", "2*")),
        )
        self._failed = self._count(
            "Failed",
            access_log,
            logs.FilterPattern.all(
                *requests,
                logs.FilterPattern.any(
                    logs.FilterPattern.string_value("$.status", "=", "5*"),
                    logs.FilterPattern.string_value("$.errorType", "=", not_invoked),
                ),
            ),
        )

    def alarms(self) -> list[Alarm]:
        """Two of each `Burn`, which are an outage together."""
        return [
            Alarm(
                name=f"{self._title}Failing{_text(window).title().replace(' ', '')}",
                metric=self._failing(window, min_requests=min_requests),
                threshold=burn.share,
                advice=f"{burn.share:.1%} or more of the requests that start calls failed within "
                f"{_text(window)}, and the fault is ours. Alone this is no reason to act: that of "
                f"{_text(burn.window)} and that of {_text(burn.recent)} together are. Look which alarms of "
                "functions, of Amazon Connect and of the API are on too, and at the access log for requests "
                "with a status of 5xx.",
                runbook=f"{RUNBOOKS}#{self._title.lower()}failing",
                outage=f"{burn.name} burn of the error budget",
            )
            for burn in BURNS
            for window, min_requests in ((burn.window, burn.min_requests), (burn.recent, 1))
        ]

    def graphs(self) -> list[list[cloudwatch.IWidget]]:
        """How many were answered and failed, and the share of those that failed."""
        return [
            [
                cloudwatch.GraphWidget(
                    title=f"{self._title}: answered and failed, share of failed",
                    width=12,
                    left=[
                        self._answered.metric(period=PERIOD, statistic="Sum"),
                        self._failed.metric(period=PERIOD, statistic="Sum"),
                    ],
                    right=[self._failing(PERIOD, min_requests=1)],
                )
            ]
        ]

    def _failing(self, window: Duration, *, min_requests: int) -> cloudwatch.MathExpression:
        counts: dict[str, cloudwatch.IMetric] = {
            "answered": self._answered.metric(period=window, statistic="Sum"),
            "failed": self._failed.metric(period=window, statistic="Sum"),
            **{f"forgiven{i}": count.with_(period=window) for i, count in enumerate(self._forgiven)},
        }
        ours = " - ".join(f"FILL({id_}, 0)" for id_ in counts if id_ != "answered")
        valid = f"FILL(answered, 0) + {ours}"
        return cloudwatch.MathExpression(
            expression=f"IF({valid} >= {min_requests}, ({ours}) / ({valid}), 0)",
            using_metrics=counts,
            period=window,
            label=f"{self._title}: share of failed",
        )

    def _count(self, what: str, log: logs.ILogGroup, pattern: logs.IFilterPattern) -> logs.MetricFilter:
        """The metric's name holds the environment, since an account may have several."""
        return logs.MetricFilter(
            self,
            what,
            log_group=log,
            filter_pattern=pattern,
            metric_namespace="InAppCalling",
            metric_name=f"{Stack.of(self).stack_name}-{self._title}{what}",
            metric_value="1",
        )


def _text(window: Duration) -> str:
    """ "6 hours", "5 minutes"."""
    hours, minutes = divmod(int(window.to_minutes()), 60)
    return f"{minutes} minutes" if not hours else "1 hour" if hours == 1 else f"{hours} hours"
