"""Amazon Connect's queues as the SDK sees them: at the HTTP level, so that parsing and signing are real."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.awsrequest import AWSResponse

from tests.lambdas.fake_aws import Answer, RefusedError, attach, respond

HOURS_ID = "0f000000-0000-4000-8000-000000000006"


def at(hours: int, minutes: int = 0) -> dict[str, int]:
    return {"Hours": hours, "Minutes": minutes}


@dataclass
class FakeConnectQueues:
    """Answers about queues; `faults` are answered or raised first, by operation, oldest first."""

    staffed: float | None = 3
    expected_wait: float | None = 100
    time_zone: str = "UTC"
    hours: dict[str, list[tuple[dict[str, int], dict[str, int]]]] = field(default_factory=dict)
    """By day; a day without hours is closed."""
    waiting: list[str] = field(default_factory=list)
    """The contacts in the queue, in their order."""
    waits: dict[str, float] = field(default_factory=dict)
    """What is expected of single contacts."""
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By operation, what is answered in place of all this."""
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    faults: dict[str, list[Answer | Exception]] = field(default_factory=dict)

    def attach(self, client: Any) -> Any:
        """Makes a botocore client of Connect talk to this object and returns it."""
        return attach(client, self._receive)

    def requested(self, operation: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.requests if name == operation]

    def _receive(self, request: Any, event_name: str, **_: object) -> AWSResponse:
        operation = event_name.rpartition(".")[2]
        url = urlsplit(request.url)
        parameters = json.loads(request.body) if request.body else {}
        parameters |= {name: values[0] for name, values in parse_qs(url.query).items()}
        parameters["path"] = unquote(url.path)
        self.requests.append((operation, parameters))
        assert "Authorization" in request.headers

        def perform() -> dict[str, Any]:
            known = self.answers.get(operation)
            return getattr(self, f"_{operation}")(parameters) if known is None else known

        return respond(request.url, self.faults.get(operation), perform)

    def _DescribeQueue(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        queue_id = parameters["path"].rpartition("/")[2]
        return {"Queue": {"QueueId": queue_id, "HoursOfOperationId": HOURS_ID, "Status": "ENABLED"}}

    def _GetEffectiveHoursOfOperations(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        first, last = parameters["fromDate"], parameters["toDate"]
        return {
            "EffectiveHoursOfOperationList": [
                {
                    "Date": day,
                    "OperationalHours": [{"Start": start, "End": end} for start, end in spans],
                }
                for day, spans in self.hours.items()
                if first <= day <= last
            ],
            "EffectiveOverrideHoursList": [],
            "TimeZone": self.time_zone,
        }

    def _GetCurrentMetricData(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        values = {"AGENTS_STAFFED": self.staffed, "ESTIMATED_WAIT_TIME": self.expected_wait}
        if self.staffed is None and self.expected_wait is None:
            return {"MetricResults": []}
        # A wait is estimated for these groups alone.
        assert parameters["Groupings"] == ["QUEUE", "CHANNEL"]
        collections = [
            {"Metric": metric} | ({} if values[metric["Name"]] is None else {"Value": values[metric["Name"]]})
            for metric in parameters["CurrentMetrics"]
        ]
        return {"MetricResults": [{"Dimensions": {"Channel": "VOICE"}, "Collections": collections}]}

    def _GetContactMetrics(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        contact_id = parameters["ContactId"]
        if contact_id not in self.waiting:
            raise RefusedError(400, "InvalidRequestException")
        results = [{"Name": "POSITION_IN_QUEUE", "Value": {"Number": 1.0 + self.waiting.index(contact_id)}}]
        if contact_id in self.waits:
            results.append({"Name": "ESTIMATED_WAIT_TIME", "Value": {"Number": self.waits[contact_id]}})
        return {"MetricResults": results, "Id": contact_id}
