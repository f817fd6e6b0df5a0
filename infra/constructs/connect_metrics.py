"""What Amazon Connect itself counts of the instance: quotas, contact flows, queues, agents."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_cloudwatch as cloudwatch

from infra.alarms import PERIOD, RUNBOOKS, Alarm

_NAMESPACE = "AWS/Connect"
_NEARLY_ALL = 0.8  # of the concurrent calls; the metric is a fraction, whatever it is called
_SOME_FLOW_ERRORS = 5
_SOME_MISSED_CALLS = 5


class ConnectMetrics:
    """The metrics of one instance (Amazon Connect administrator guide, "Monitoring your instance using
    CloudWatch").

    Those of flows and queues carry the names of these, which a deployment that adopts them by ARN does not
    have. So they are summed up over the instance by queries, which take in what else calls it.
    """

    def __init__(self, *, instance_id: str) -> None:
        self._id = instance_id

    def alarms(self) -> list[Alarm]:
        """On used-up quotas, failing flows, full queues and unanswered calls."""
        return [
            Alarm(
                name="ConnectConcurrencyQuotaBreached",
                metric=self._calls("CallsBreachingConcurrencyQuota"),
                threshold=1,
                advice="Amazon Connect refused a call: the instance has as many calls at once as its quota "
                "of concurrent active calls per instance allows. Callers hear nothing or an error. Have "
                "AWS raise the quota (docs/capacity.md says to what); until then, stop-calls turns "
                "callers away politely.",
                runbook=f"{RUNBOOKS}#connectconcurrencyquotabreached-and-connectconcurrencyquotanear",
                outage="quota of concurrent calls",
            ),
            Alarm(
                name="ConnectConcurrencyQuotaNear",
                metric=self._calls("ConcurrentCallsPercentage", statistic="Maximum"),
                threshold=_NEARLY_ALL,
                advice=f"{_NEARLY_ALL:.0%} of the concurrent active calls that the instance may have are "
                "going on. Have AWS raise the quota before calls are refused: docs/capacity.md says to what.",
                runbook=f"{RUNBOOKS}#connectconcurrencyquotabreached-and-connectconcurrencyquotanear",
            ),
            Alarm(
                name="ConnectCallsThrottled",
                metric=self._calls("ThrottledCalls"),
                threshold=1,
                advice="Calls came faster than the instance takes them, and Amazon Connect rejected some. "
                "Have AWS raise the rate of calls, and lower connect.quotas.start_webrtc_contact_rate to "
                "what is granted meanwhile.",
                runbook=f"{RUNBOOKS}#connectcallsthrottled",
            ),
            Alarm(
                name="ConnectCallsMissed",
                metric=self._calls("MissedCalls"),
                threshold=_SOME_MISSED_CALLS,
                advice=f"Agents let {_SOME_MISSED_CALLS} or more calls ring unanswered within five minutes, "
                "and each went back to its queue. Tell the supervisor: somebody is shown as available and "
                "is not at the desk, or a browser does not ring (docs/agents.md).",
                runbook=f"{RUNBOOKS}#connectcallsmissed",
            ),
            Alarm(
                name="ConnectFlowFatalErrors",
                metric=self._sum("ContactFlowFatalErrors", "ContactFlow", "ContactFlowName"),
                threshold=1,
                advice="A contact flow of the instance ended in an error that it could not handle, and its "
                "caller was cut off. The dashboard shows which flow. If it is one of this app, look at "
                "its log in /aws/connect/ and at caller_context's alarms, and roll back the last change "
                "of the flow.",
                runbook=f"{RUNBOOKS}#connectflowerrors-and-connectflowfatalerrors",
            ),
            Alarm(
                name="ConnectFlowErrors",
                metric=self._sum("ContactFlowErrors", "ContactFlow", "ContactFlowName"),
                threshold=_SOME_FLOW_ERRORS,
                advice=f"Blocks of contact flows took their error branch {_SOME_FLOW_ERRORS} or more times "
                "within five minutes: callers may count as unverified. The dashboard shows which flow; "
                "look at its log in /aws/connect/ and at caller_context's alarms.",
                runbook=f"{RUNBOOKS}#connectflowerrors-and-connectflowfatalerrors",
            ),
            Alarm(
                name="ConnectQueueFull",
                metric=self._sum("QueueCapacityExceededError", "Queue", "QueueName"),
                threshold=1,
                advice="A caller was turned away since a queue holds as many contacts as it may. The "
                "dashboard shows which queue. Raise its limit in Amazon Connect, or the quota that stands in "
                "its place, or staff it.",
                runbook=f"{RUNBOOKS}#connectqueuefull",
            ),
        ]

    def graphs(self) -> list[list[cloudwatch.IWidget]]:
        """Calls against their quota; errors by flow; the longest wait and refused contacts by queue."""
        return [
            [
                cloudwatch.GraphWidget(
                    title="Amazon Connect: calls, share of the quota",
                    width=12,
                    left=[
                        self._calls("ConcurrentCalls", statistic="Maximum"),
                        self._calls("CallsBreachingConcurrencyQuota"),
                        self._calls("ThrottledCalls"),
                        self._calls("MissedCalls"),
                    ],
                    right=[self._calls("ConcurrentCallsPercentage", statistic="Maximum")],
                ),
                cloudwatch.GraphWidget(
                    title="Amazon Connect: errors by contact flow",
                    width=12,
                    left=[
                        self._each("ContactFlowErrors", "ContactFlow", "ContactFlowName"),
                        self._each("ContactFlowFatalErrors", "ContactFlow", "ContactFlowName"),
                    ],
                ),
            ],
            [
                cloudwatch.GraphWidget(
                    title="Amazon Connect: longest wait by queue, in seconds",
                    width=12,
                    left=[self._each("LongestQueueWaitTime", "Queue", "QueueName", statistic="Maximum")],
                ),
                cloudwatch.GraphWidget(
                    title="Amazon Connect: contacts that full queues refused",
                    width=12,
                    left=[self._each("QueueCapacityExceededError", "Queue", "QueueName")],
                ),
            ],
        ]

    def _calls(self, name: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
        dimensions: Mapping[str, str] = {"InstanceId": self._id, "MetricGroup": "VoiceCalls"}
        return cloudwatch.Metric(
            namespace=_NAMESPACE,
            metric_name=name,
            dimensions_map=dict(dimensions),
            statistic=statistic,
            period=PERIOD,
        )

    def _sum(self, name: str, group: str, of: str) -> cloudwatch.IMetric:
        """Over all of the instance: alarms take this query, and no search."""
        return cloudwatch.MathExpression(
            expression=f'SELECT SUM({name}) FROM SCHEMA("{_NAMESPACE}", {of}, InstanceId, MetricGroup) '  # noqa: S608 - our own texts
            f"WHERE InstanceId = '{self._id}' AND MetricGroup = '{group}'",
            using_metrics={},
            period=PERIOD,
            label=name,
        )

    def _each(self, name: str, group: str, of: str, *, statistic: str = "Sum") -> cloudwatch.IMetric:
        """One line for each flow or queue of the instance."""
        return cloudwatch.MathExpression(
            expression=f'SEARCH(\'{{{_NAMESPACE},{of},InstanceId,MetricGroup}} MetricName="{name}" '
            f'InstanceId="{self._id}" MetricGroup="{group}"\', \'{statistic}\', {int(PERIOD.to_seconds())})',
            using_metrics={},
            period=PERIOD,
            label="",
        )
