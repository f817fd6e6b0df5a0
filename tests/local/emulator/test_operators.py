"""What operators ask, in the SDK's words; each answer is held to botocore's model where it is made."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.aws_service import AwsError
from local.emulator.connect.contact import ContactEvent
from local.emulator.connect.instance import Kind
from local.emulator.connect.request_quotas import QUOTAS, RequestQuotas
from local.launcher.local_aws import LocalAws
from tests.local.emulator.connect_instance import Instance, code_of
from tests.local.emulator.flows import HANG_UP
from tests.local.emulator.stacks import allow, as_role

MORNING, NOON = {"Hours": 8, "Minutes": 0}, {"Hours": 12, "Minutes": 30}


def current(instance: Instance, *metrics: str, **changed: Any) -> Any:
    given = {
        "InstanceId": instance.id,
        "Filters": {"Queues": [instance.queue.id], "Channels": ["VOICE"]},
        "CurrentMetrics": [{"Name": name, "Unit": "COUNT"} for name in metrics],
        **changed,
    }
    return instance.sdk.get_current_metric_data(**given)["MetricResults"]


def test_instances_are_listed_with_their_state(instance: Instance) -> None:
    [summary] = instance.sdk.list_instances()["InstanceSummaryList"]
    assert (summary["Id"], summary["Arn"]) == (instance.id, instance.arn)
    assert (summary["InstanceAlias"], summary["InstanceStatus"]) == ("here", "ACTIVE")
    assert (summary["InboundCallsEnabled"], summary["OutboundCallsEnabled"]) == (True, False)


def test_attributes_of_an_instance_are_listed(instance: Instance) -> None:
    listed = instance.sdk.list_instance_attributes(InstanceId=instance.id)["Attributes"]
    values = {each["AttributeType"]: each["Value"] for each in listed}
    assert values["INBOUND_CALLS"] == "true"
    assert values["ENHANCED_CONTACT_MONITORING"] == "false"
    for name, value in values.items():
        one = instance.sdk.describe_instance_attribute(InstanceId=instance.id, AttributeType=name)
        assert one["Attribute"]["Value"] == value


def test_queues_flows_and_hours_are_listed_page_by_page(instance: Instance) -> None:
    another = instance.new_flow("another", HANG_UP)
    [queue] = instance.sdk.list_queues(InstanceId=instance.id, QueueTypes=["STANDARD"])["QueueSummaryList"]
    assert (queue["Arn"], queue["Name"], queue["QueueType"]) == (instance.queue.arn, "all", "STANDARD")
    assert instance.sdk.list_queues(InstanceId=instance.id, QueueTypes=["AGENT"])["QueueSummaryList"] == []
    first = instance.sdk.list_contact_flows(InstanceId=instance.id, MaxResults=1)
    second = instance.sdk.list_contact_flows(
        InstanceId=instance.id, MaxResults=1, NextToken=first["NextToken"]
    )
    assert "NextToken" not in second
    flows = [*first["ContactFlowSummaryList"], *second["ContactFlowSummaryList"]]
    assert [each["Id"] for each in flows] == [instance.flow, another]
    assert {each["ContactFlowStatus"] for each in flows} == {"PUBLISHED"}
    of_whispers = instance.sdk.list_contact_flows(InstanceId=instance.id, ContactFlowTypes=["AGENT_WHISPER"])
    assert of_whispers["ContactFlowSummaryList"] == []
    [hours] = instance.sdk.list_hours_of_operations(InstanceId=instance.id)["HoursOfOperationSummaryList"]
    assert hours["Name"] == "always"
    assert instance.sdk.list_routing_profiles(InstanceId=instance.id)["RoutingProfileSummaryList"] == []


@pytest.mark.parametrize(
    "operation",
    ["list_queues", "list_contact_flows", "list_routing_profiles", "list_instance_attributes"],
)
def test_parts_of_an_unknown_instance_are_not_found(operation: str, instance: Instance) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(instance.sdk, operation)(InstanceId="11111111-1111-4111-8111-111111111111")
    assert code_of(caught) == "ResourceNotFoundException"


def test_attributes_of_a_contact_are_those_of_its_newest_segment(instance: Instance) -> None:
    contact_id = instance.connected()["ContactId"]
    given = {"InstanceId": instance.id, "InitialContactId": contact_id}
    attributes = instance.sdk.get_contact_attributes(**given)["Attributes"]
    assert attributes["who"] == "ada"
    described = instance.sdk.describe_contact(InstanceId=instance.id, ContactId=contact_id)["Contact"]
    assert described["Attributes"] == attributes
    second = instance.connect.happen(contact_id, ContactEvent.TRANSFERRED)["ContactId"]
    contact = instance.connect.find(instance.id, second)
    assert contact is not None
    instance.connect.set_attributes(contact, {"after": "the transfer"})
    assert instance.sdk.get_contact_attributes(**given)["Attributes"]["after"] == "the transfer"
    with pytest.raises(ClientError) as caught:
        instance.sdk.get_contact_attributes(**given | {"InitialContactId": "unknown"})
    assert code_of(caught) == "ResourceNotFoundException"


def test_contacts_are_found_by_time_and_queue_newest_first(instance: Instance) -> None:
    alone = instance.start_alone()["ContactId"]
    queued = instance.queued()["ContactId"]
    moment = datetime.now(UTC)

    def search(kind: str, criteria: Any = None, **shift: int) -> Any:
        begin = moment - timedelta(minutes=5) + timedelta(**shift)
        time_range = {"Type": kind, "StartTime": begin, "EndTime": begin + timedelta(minutes=10)}
        more = {"SearchCriteria": criteria} if criteria else {}
        return instance.sdk.search_contacts(InstanceId=instance.id, TimeRange=time_range, **more)

    found = search("INITIATION_TIMESTAMP")
    assert [each["Id"] for each in found["Contacts"]] == [queued, alone]
    assert found["TotalCount"] == 2
    assert found["Contacts"][0]["InitiationMethod"] == "WEBRTC_API"
    assert "Attributes" not in found["Contacts"][0]
    assert [each["Id"] for each in search("ENQUEUE_TIMESTAMP")["Contacts"]] == [queued]
    by_queue = {"QueueIds": [instance.queue.id]}
    assert [each["Id"] for each in search("INITIATION_TIMESTAMP", by_queue)["Contacts"]] == [queued]
    assert search("INITIATION_TIMESTAMP", {"Channels": ["CHAT"]})["Contacts"] == []
    assert search("INITIATION_TIMESTAMP", hours=-1)["Contacts"] == []


def test_a_queue_is_measured_while_something_happens_in_it(instance: Instance) -> None:
    assert current(instance, "CONTACTS_IN_QUEUE") == [], "no data, which is not zero"
    contact_id = instance.queued()["ContactId"]
    [result] = current(instance, "CONTACTS_IN_QUEUE", "AGENTS_AVAILABLE", Groupings=["QUEUE", "CHANNEL"])
    assert result["Dimensions"]["Queue"]["Arn"] == instance.queue.arn
    assert result["Dimensions"]["Channel"] == "VOICE"
    assert [each["Value"] for each in result["Collections"]] == [1.0, 0.0]
    [ungrouped] = current(instance, "OLDEST_CONTACT_AGE")
    groups = ["QUEUE", "CHANNEL"]
    [grouped] = current(instance, "OLDEST_CONTACT_AGE", "ESTIMATED_WAIT_TIME", Groupings=groups)
    milliseconds, seconds = (each["Collections"][0]["Value"] for each in (ungrouped, grouped))
    assert 0 < seconds < 5
    assert milliseconds == pytest.approx(1000 * seconds, abs=1000)
    assert "Value" not in grouped["Collections"][1]
    instance.connect.happen(contact_id, ContactEvent.AGENT_CONNECTED)
    [busy] = current(instance, "CONTACTS_IN_QUEUE", "AGENTS_ON_CALL")
    assert [each["Value"] for each in busy["Collections"]] == [0.0, 1.0]


def test_a_waiting_contact_has_a_position_and_no_other(instance: Instance) -> None:
    contact_id = instance.queued()["ContactId"]
    given = {
        "InstanceId": instance.id,
        "ContactId": contact_id,
        "Metrics": [{"Name": "POSITION_IN_QUEUE"}, {"Name": "ESTIMATED_WAIT_TIME"}],
    }
    answer = instance.sdk.get_contact_metrics(**given)
    assert answer["MetricResults"] == [
        {"Name": "POSITION_IN_QUEUE", "Value": {"Number": 1.0}},
    ]
    instance.connect.happen(contact_id, ContactEvent.AGENT_CONNECTED)
    with pytest.raises(ClientError) as caught:
        instance.sdk.get_contact_metrics(**given)
    assert code_of(caught) == "InvalidRequestException"


def test_a_wait_is_estimated_for_a_group_of_queue_and_channel_alone(instance: Instance) -> None:
    with pytest.raises(ClientError) as caught:
        current(instance, "ESTIMATED_WAIT_TIME")
    assert code_of(caught) == "InvalidRequestException"


def test_staffing_and_waits_are_those_that_were_set(instance: Instance) -> None:
    metrics = ("AGENTS_STAFFED", "AGENTS_AVAILABLE", "ESTIMATED_WAIT_TIME")
    wanted = {"AgentsStaffed": 3, "AgentsAvailable": 2, "EstimatedWaitTime": 95, "MaxContacts": 9}
    instance.connect.center.change({"Queues": {instance.queue.arn: wanted}})
    [result] = current(instance, *metrics, Groupings=["QUEUE", "CHANNEL"])
    assert [each["Value"] for each in result["Collections"]] == [3.0, 2.0, 95.0]
    contact_id = instance.queued()["ContactId"]
    answer = instance.sdk.get_contact_metrics(
        InstanceId=instance.id, ContactId=contact_id, Metrics=[{"Name": "ESTIMATED_WAIT_TIME"}]
    )
    assert answer["MetricResults"] == [{"Name": "ESTIMATED_WAIT_TIME", "Value": {"Number": 95.0}}]
    instance.connect.center.change({"Queues": {instance.queue.arn: {"AgentsStaffed": 0}}})
    [result] = current(instance, "AGENTS_STAFFED", Groupings=["QUEUE", "CHANNEL"])
    assert result["Collections"][0]["Value"] == 0.0


def test_a_day_that_is_closed_is_an_override_of_its_hours(instance: Instance) -> None:
    queue = instance.sdk.describe_queue(InstanceId=instance.id, QueueId=instance.queue.id)["Queue"]
    hours = {"InstanceId": instance.id, "HoursOfOperationId": queue["HoursOfOperationId"]}
    instance.connect.center.change({"Hours": {queue["HoursOfOperationId"]: "Closed"}})
    today = datetime.now(UTC).date()
    answer = instance.sdk.get_effective_hours_of_operations(
        **hours, FromDate=str(today), ToDate=str(today + timedelta(days=1))
    )
    assert answer["EffectiveHoursOfOperationList"][0]["OperationalHours"] == []
    [override] = answer["EffectiveOverrideHoursList"]
    assert override["Date"] == str(today)
    assert override["OverrideHours"][0]["OperationalStatus"] == "CLOSED"


@pytest.mark.parametrize("operation", QUOTAS)
def test_more_requests_than_aws_takes_are_throttled(operation: str) -> None:
    rate, burst = QUOTAS[operation]
    moment = [0.0]
    quotas = RequestQuotas(lambda: moment[0])
    for _ in range(int(burst)):
        quotas.take(operation)
    with pytest.raises(AwsError, match="ThrottlingException"):
        quotas.take(operation)
    moment[0] += 1 / rate
    quotas.take(operation)
    with pytest.raises(AwsError, match="ThrottlingException"):
        quotas.take(operation)


def test_a_throttled_request_is_answered_as_the_model_says(instance: Instance) -> None:
    contact_id = instance.queued()["ContactId"]
    given = {"InstanceId": instance.id, "ContactId": contact_id, "Metrics": [{"Name": "POSITION_IN_QUEUE"}]}
    with pytest.raises(ClientError) as caught:
        [instance.sdk.get_contact_metrics(**given) for _ in range(30)]
    assert code_of(caught) == "ThrottlingException"


def test_hours_are_read_day_by_day(instance: Instance) -> None:
    hours = instance.connect.instances.create(
        Kind.HOURS_OF_OPERATION,
        {
            "InstanceArn": instance.arn, "Name": "mornings", "TimeZone": "Europe/London",
            "Config": [{"Day": "MONDAY", "StartTime": MORNING, "EndTime": NOON}],
        },
    )  # fmt: skip
    given = {"InstanceId": instance.id, "HoursOfOperationId": hours.id}
    answer = instance.sdk.get_effective_hours_of_operations(
        **given, FromDate="2026-11-29", ToDate="2026-11-30"
    )
    assert answer["TimeZone"] == "Europe/London"
    assert answer["EffectiveHoursOfOperationList"] == [
        {"Date": "2026-11-29", "OperationalHours": []},
        {"Date": "2026-11-30", "OperationalHours": [{"Start": MORNING, "End": NOON}]},
    ]
    with pytest.raises(ClientError) as caught:
        instance.sdk.get_effective_hours_of_operations(**given, FromDate="2026-11-30", ToDate="2026-11-29")
    assert code_of(caught) == "InvalidRequestException"


def test_quotas_are_those_that_aws_grants_at_first(running: LocalAws) -> None:
    quotas = running.client("service-quotas")
    calls = {"ServiceCode": "connect", "QuotaCode": "L-12AB7C57"}
    arn = "arn:aws:connect:eu-west-2:000000000000:instance/11111111-1111-4111-8111-111111111111"
    applied = quotas.get_service_quota(**calls, ContextId=arn)["Quota"]
    assert (applied["Value"], applied["QuotaContext"]["ContextId"]) == (10.0, arn)
    assert quotas.get_aws_default_service_quota(**calls)["Quota"]["QuotaAppliedAtLevel"] == "ACCOUNT"
    starts = quotas.get_service_quota(ServiceCode="connect", QuotaCode="L-5CFC10A5")["Quota"]
    assert starts["Value"] == 2.0
    with pytest.raises(quotas.exceptions.NoSuchResourceException):
        quotas.get_service_quota(ServiceCode="connect", QuotaCode="L-00000000")
    assert len(quotas.list_service_quotas(ServiceCode="connect")["Quotas"]) == 8


def test_a_role_reads_quotas_only_if_it_may(running: LocalAws) -> None:
    given = {"ServiceCode": "connect", "QuotaCode": "L-5CFC10A5"}
    with (
        as_role(running, "quotas", service="service-quotas") as powerless,
        pytest.raises(ClientError, match="AccessDenied"),
    ):
        powerless.get_service_quota(**given)
    grant = allow("servicequotas:GetServiceQuota", "*")
    with as_role(running, "quotas-reader", grant, service="service-quotas") as reader:
        assert reader.get_service_quota(**given)["Quota"]["Value"] == 2.0


def test_a_role_lists_instances_only_if_it_may(running: LocalAws) -> None:
    with as_role(running, "lister") as powerless, pytest.raises(ClientError, match="AccessDenied"):
        powerless.list_instances()
    with as_role(running, "lister-2", allow("connect:ListInstances", "*")) as lister:
        assert lister.list_instances()["InstanceSummaryList"] is not None
