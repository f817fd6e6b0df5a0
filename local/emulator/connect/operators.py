"""What operators ask Amazon Connect: lists of an instance's parts, contacts that were, metrics of queues.

Part of the service `connect`. Assumed or left out: nobody is an agent here but who is played for a contact,
so agents are counted while they are connected, and nobody is available, unless the contact center's state
says otherwise; there are no routing profiles; a waiting time is estimated where that state has one, and else
left out, as with too little data; hours that it calls closed have an override for today.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from local.emulator.aws_service import AwsError, Parameters
from local.emulator.connect.connect import Connect
from local.emulator.connect.contact import Contact, State, now, present
from local.emulator.connect.instance import Kind, Resource
from local.emulator.connect.request_quotas import RequestQuotas

_MAX_RESULTS = 100
_NOT_FOUND = "ResourceNotFoundException"
_GROUPS_OF_WAITS = ["QUEUE", "CHANNEL"]
_CLOSED = {
    "Start": {"Hours": 0, "Minutes": 0},
    "End": {"Hours": 23, "Minutes": 59},
    "OverrideName": "Closed today",
    "OperationalStatus": "CLOSED",
}
# What CloudFormation calls the attributes of an instance, by their types in the API.
_INSTANCE_ATTRIBUTES = {
    "INBOUND_CALLS": "InboundCalls",
    "OUTBOUND_CALLS": "OutboundCalls",
    "CONTACTFLOW_LOGS": "ContactflowLogs",
    "CONTACT_LENS": "ContactLens",
    "AUTO_RESOLVE_BEST_VOICES": "AutoResolveBestVoices",
    "USE_CUSTOM_TTS_VOICES": "UseCustomTTSVoices",
    "EARLY_MEDIA": "EarlyMedia",
    "MULTI_PARTY_CONFERENCE": "MultiPartyConference",
    "HIGH_VOLUME_OUTBOUND": "HighVolumeOutBound",
    "ENHANCED_CONTACT_MONITORING": "EnhancedContactMonitoring",
}
_TIMES: dict[str, Callable[[Contact], datetime | None]] = {
    "INITIATION_TIMESTAMP": lambda contact: contact.started,
    "ENQUEUE_TIMESTAMP": lambda contact: contact.enqueued,
    "CONNECTED_TO_AGENT_TIMESTAMP": lambda contact: contact.agent_connected,
    "DISCONNECT_TIMESTAMP": lambda contact: contact.ended,
    "SCHEDULED_TIMESTAMP": lambda _contact: None,
}


class Operators:
    """Operations named as the SDK names them."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._instances = connect.instances
        self._quotas = RequestQuotas()

    # Instances and their parts

    def list_instances(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListInstances."""
        summaries = [
            {**self._instances.describe_instance({"InstanceId": each.id})["Instance"], "Tags": None}
            for each in self._instances.of_kind(Kind.INSTANCE)
        ]
        return _page("InstanceSummaryList", [present(each) for each in summaries], parameters)

    def list_instance_attributes(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListInstanceAttributes, those that CloudFormation can set."""
        instance = self._instance(parameters)
        given = instance.properties["Attributes"]
        attributes = [
            {"AttributeType": attribute_type, "Value": str(given.get(name, False)).lower()}
            for attribute_type, name in _INSTANCE_ATTRIBUTES.items()
        ]
        return _page("Attributes", attributes, parameters)

    def list_queues(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListQueues: all are standard queues."""
        wanted = parameters.get("QueueTypes") or ["STANDARD"]
        queues = [{**each, "QueueType": "STANDARD"} for each in self._summaries(Kind.QUEUE, parameters)]
        return _page("QueueSummaryList", queues if "STANDARD" in wanted else [], parameters)

    def list_contact_flows(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListContactFlows: all are published."""
        instance = self._instance(parameters)
        wanted = parameters.get("ContactFlowTypes")
        flows = [
            {
                **_summary(each),
                "ContactFlowType": each.properties["Type"],
                "ContactFlowState": each.properties.get("State", "ACTIVE"),
                "ContactFlowStatus": "PUBLISHED",
            }
            for each in self._instances.of_kind(Kind.CONTACT_FLOW, instance.arn)
            if not wanted or each.properties["Type"] in wanted
        ]
        return _page("ContactFlowSummaryList", flows, parameters)

    def list_hours_of_operations(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListHoursOfOperations."""
        hours = self._summaries(Kind.HOURS_OF_OPERATION, parameters)
        return _page("HoursOfOperationSummaryList", hours, parameters)

    def list_routing_profiles(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListRoutingProfiles: there are none."""
        self._instance(parameters)
        return {"RoutingProfileSummaryList": []}

    def get_effective_hours_of_operations(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetEffectiveHoursOfOperations, day by day, both days included."""
        self._quotas.take("GetEffectiveHoursOfOperations")
        hours = self._instances.part(Kind.HOURS_OF_OPERATION, parameters, "HoursOfOperationId")
        first, last = (_day(parameters[name]) for name in ("FromDate", "ToDate"))
        if last < first:
            raise AwsError("InvalidRequestException", "ToDate is before FromDate.")
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        zone = hours.properties["TimeZone"]
        closed = (
            set() if self._connect.center.is_open(hours.id) else {now().astimezone(ZoneInfo(zone)).date()}
        )
        return {
            "EffectiveHoursOfOperationList": [
                {"Date": day.isoformat(), "OperationalHours": [] if day in closed else _hours_of(hours, day)}
                for day in days
            ],
            "EffectiveOverrideHoursList": [
                {"Date": day.isoformat(), "OverrideHours": [_CLOSED]} for day in days if day in closed
            ],
            "TimeZone": zone,
        }

    # Contacts

    def get_contact_attributes(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetContactAttributes: those of the newest contact of the chain that the initial one begins."""
        contact = self._connect.find(parameters["InstanceId"], parameters["InitialContactId"])
        if contact is None:
            raise AwsError(_NOT_FOUND, f"There is no contact {parameters['InitialContactId']}.")
        return {"Attributes": dict(contact.conversation.contacts[-1].attributes)}

    def search_contacts(self, parameters: Parameters) -> Mapping[str, Any]:
        """SearchContacts by time, channel, initiation method and queue, newest first; by nothing else."""
        instance = self._instance(parameters)
        criteria = parameters.get("SearchCriteria") or {}
        if unknown := criteria.keys() - {"Channels", "InitiationMethods", "QueueIds"}:
            message = f"Searching by {', '.join(sorted(unknown))} is not part of this emulator."
            raise AwsError("NotImplemented", message, status=501)
        found = [
            _found(contact)
            for contact in reversed(self._connect.of_instance(instance))
            if _is_within(contact, parameters["TimeRange"]) and _fits(contact, criteria)
        ]
        return {**_page("Contacts", found, parameters), "TotalCount": len(found)}

    # Metrics

    def get_contact_metrics(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetContactMetrics: position and expected wait, for a contact that waits in a queue."""
        self._quotas.take("GetContactMetrics")
        contact = self._connect.find(parameters["InstanceId"], parameters["ContactId"])
        if contact is None:
            raise AwsError(_NOT_FOUND, f"There is no contact {parameters['ContactId']}.")
        if contact.state is not State.QUEUED:
            raise AwsError("InvalidRequestException", "The contact waits in no queue.")
        position = 1 + self._waiting(contact.target_queue).index(contact)
        values = {"POSITION_IN_QUEUE": float(position)}
        queue = contact.target_queue
        if queue is not None and (expected := self._connect.center.queue(queue.id).estimated_wait_time):
            values["ESTIMATED_WAIT_TIME"] = float(expected)
        results = [
            {"Name": each["Name"], "Value": {"Number": values[each["Name"]]}}
            for each in parameters["Metrics"]
            if each["Name"] in values
        ]
        return {"MetricResults": results, "Id": contact.id, "Arn": contact.arn}

    def get_current_metric_data(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetCurrentMetricData of queues; a queue where nothing happens has no data, as in Connect."""
        self._quotas.take("GetCurrentMetricData")
        instance = self._instance(parameters)
        filters = parameters["Filters"]
        if not filters.get("Queues"):
            raise AwsError("InvalidRequestException", "Name queues to filter by.")
        queues = [self._instances.get(Kind.QUEUE, each.rpartition("/")[2], instance.arn)
                  for each in filters["Queues"]]  # fmt: skip
        groupings = parameters.get("Groupings") or []
        names = {metric.get("Name") for metric in parameters["CurrentMetrics"]}
        if "ESTIMATED_WAIT_TIME" in names and (groupings != _GROUPS_OF_WAITS or not filters.get("Channels")):
            message = "ESTIMATED_WAIT_TIME is for queues and channels, grouped by QUEUE and CHANNEL."
            raise AwsError("InvalidRequestException", message)
        grouped = [[queue] for queue in queues] if "QUEUE" in groupings else [queues]
        results = []
        for group in grouped:
            busy = [queue for queue in group if self._living(queue) or self._connect.center.is_set(queue.id)]
            if busy and "VOICE" in (filters.get("Channels") or ["VOICE"]):
                results.append({
                    "Dimensions": _dimensions(busy[0], groupings),
                    "Collections": [
                        present({"Metric": metric, "Value": self._value(metric, busy, groupings)})
                        for metric in parameters["CurrentMetrics"]
                    ],
                })  # fmt: skip
        return {"MetricResults": results, "DataSnapshotTime": now()}

    def _value(
        self, metric: Mapping[str, Any], queues: Sequence[Resource], groupings: Sequence[str]
    ) -> float | None:
        waiting = [contact for queue in queues for contact in self._waiting(queue)]
        states = Counter(contact.state for queue in queues for contact in self._living(queue))
        match metric["Name"]:
            case "CONTACTS_IN_QUEUE":
                return float(len(waiting))
            case "OLDEST_CONTACT_AGE":
                oldest = min((contact.enqueued for contact in waiting if contact.enqueued), default=None)
                seconds = (now() - oldest).total_seconds() if oldest else 0.0
                # Milliseconds where nothing is grouped, says the API reference.
                return seconds if groupings else seconds * 1000
            case "AGENTS_ONLINE" | "AGENTS_STAFFED" | "AGENTS_AVAILABLE" if self._are_set(queues):
                return float(sum(self._agents(queue, metric["Name"]) for queue in queues))
            case "AGENTS_ONLINE" | "AGENTS_STAFFED" | "AGENTS_ON_CALL" | "AGENTS_ON_CONTACT" | "SLOTS_ACTIVE":
                return float(states[State.CONNECTED])
            case "ESTIMATED_WAIT_TIME":
                return float(self._connect.center.queue(queues[0].id).estimated_wait_time) or None
        return 0.0

    def _are_set(self, queues: Sequence[Resource]) -> bool:
        return all(self._connect.center.is_set(queue.id) for queue in queues)

    def _agents(self, queue: Resource, metric: str) -> int:
        state = self._connect.center.queue(queue.id)
        counts = {
            "AGENTS_ONLINE": state.agents_online,
            "AGENTS_STAFFED": state.agents_staffed,
            "AGENTS_AVAILABLE": state.agents_available,
        }
        return counts[metric]

    def _living(self, queue: Resource) -> list[Contact]:
        contacts = self._connect.of_instance(self._instances.get(Kind.INSTANCE, _last(queue.instance_arn)))
        return [each for each in contacts if each.enqueued and not each.ended and each.target_queue is queue]

    def _waiting(self, queue: Resource | None) -> list[Contact]:
        """The contacts in a queue, in their order."""
        waiting = [each for each in self._living(queue) if each.state is State.QUEUED] if queue else []
        return sorted(waiting, key=lambda each: each.enqueued or now())

    def _instance(self, parameters: Parameters) -> Resource:
        return self._instances.get(Kind.INSTANCE, parameters["InstanceId"])

    def _summaries(self, kind: Kind, parameters: Parameters) -> list[dict[str, Any]]:
        return [_summary(each) for each in self._instances.of_kind(kind, self._instance(parameters).arn)]


def _summary(resource: Resource) -> dict[str, Any]:
    return {"Id": resource.id, "Arn": resource.arn, "Name": resource.name}


def _page(name: str, items: Sequence[Any], parameters: Parameters) -> dict[str, Any]:
    """So many of the items as wanted, from where the last page ended."""
    text = parameters.get("NextToken") or "0"
    if not text.isascii() or not text.isdigit():
        raise AwsError("InvalidRequestException", "NextToken is none of this operation's.")
    begin = int(text)
    end = begin + int(parameters.get("MaxResults") or _MAX_RESULTS)
    return {name: list(items[begin:end]), **({"NextToken": str(end)} if end < len(items) else {})}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise AwsError("InvalidParameterException", f"{text!r} is not a date: YYYY-MM-DD.") from None


def _hours_of(hours: Resource, day: date) -> list[dict[str, Any]]:
    weekday = day.strftime("%A").upper()
    return [
        {"Start": each["StartTime"], "End": each["EndTime"]}
        for each in hours.properties.get("Config", [])
        if each["Day"] == weekday
    ]


def _found(contact: Contact) -> dict[str, Any]:
    """As SearchContacts shows it: less than DescribeContact does."""
    shown = (
        "Arn", "Id", "InitialContactId", "PreviousContactId", "InitiationMethod", "Channel", "QueueInfo",
        "AgentInfo", "InitiationTimestamp", "DisconnectTimestamp", "SegmentAttributes", "Name", "Tags",
    )  # fmt: skip
    described = contact.described()
    return {name: described[name] for name in shown if name in described}


def _is_within(contact: Contact, time_range: Mapping[str, Any]) -> bool:
    moment = _TIMES[time_range["Type"]](contact)
    return moment is not None and time_range["StartTime"] <= moment <= time_range["EndTime"]


def _fits(contact: Contact, criteria: Mapping[str, Sequence[str | None]]) -> bool:
    queue = contact.target_queue if contact.enqueued else None
    given = {
        "Channels": "VOICE",
        "InitiationMethods": contact.initiation_method,
        "QueueIds": queue.id if queue else None,
    }
    return all(given[name] in wanted for name, wanted in criteria.items())


def _dimensions(queue: Resource, groupings: Sequence[str]) -> dict[str, Any]:
    return present({
        "Queue": {"Id": queue.id, "Arn": queue.arn} if "QUEUE" in groupings else None,
        "Channel": "VOICE" if "CHANNEL" in groupings else None,
    })  # fmt: skip


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]
