"""Queues: whether they are enabled, open, and in some agent's routing profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from operations.doctor.check import Check, Finding, Read, failed, passed, passed_if, passed_or_warned, warned
from operations.doctor.checks.instance import INSTANCE, has_instance
from operations.doctor.stack_reads import STACK_RESOURCES
from operations.doctor.subject import Subject

_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_WEBSITE = "Amazon Connect admin website, Routing"


def _look_at_queues(subject: Subject) -> Iterator[Finding]:
    client = subject.client("connect")
    smoke = subject.smoke_queue_arn
    for arn in (*subject.queue_arns, *([smoke] if smoke else [])):
        queue_id = arn.rpartition("/")[2]
        wanted = "the queue exists and is ENABLED"
        try:
            queue = client.describe_queue(InstanceId=subject.instance_id, QueueId=queue_id)["Queue"]
        except client.exceptions.ResourceNotFoundException:
            yield failed(
                f"the instance has no queue {queue_id}",
                wanted,
                "correct the ARN in [connect]; aws connect list-queues has those of the instance.",
            )
            continue
        status = queue.get("Status", "ENABLED")
        yield passed_if(
            status == "ENABLED",
            f"the queue {queue['Name']!r} is {status}",
            wanted,
            f"{_WEBSITE}, Queues: enable it.",
        )
        yield _hours_finding(subject, queue)


def _hours_finding(subject: Subject, queue: Mapping[str, Any]) -> Finding:
    """Closed hours are no fault: whoever runs this at night should know all the same."""
    client, name = subject.client("connect"), queue["Name"]
    wanted = f"the hours of the queue {name!r} exist, and are open when somebody calls"
    hours_id = queue.get("HoursOfOperationId")
    try:
        hours = client.describe_hours_of_operation(
            InstanceId=subject.instance_id, HoursOfOperationId=str(hours_id)
        )["HoursOfOperation"]
    except client.exceptions.ResourceNotFoundException:
        return failed(
            f"there are no hours of operation {hours_id}", wanted, f"{_WEBSITE}, Queues: choose others."
        )
    config = hours.get("Config", [])
    if not config:
        return failed(f"{hours['Name']!r} is never open", wanted, f"{_WEBSITE}, Hours: add some.")
    here = datetime.now(ZoneInfo(hours["TimeZone"]))
    if any(_is_open(day, here) for day in config):
        return passed(f"{hours['Name']!r} is open now", wanted)
    return warned(
        f"{hours['Name']!r} is closed now ({here:%A %H:%M} in {hours['TimeZone']})",
        wanted,
        "none, if that is meant: flows that check hours tell callers so.",
    )


def _is_open(day: Mapping[str, Any], here: datetime) -> bool:
    """Overrides, such as holidays, are left out. Hours that end before they start go on over midnight."""
    start, end = (time(day[key]["Hours"] % 24, day[key]["Minutes"]) for key in ("StartTime", "EndTime"))
    today, before = _DAYS[here.weekday()], _DAYS[here.weekday() - 1]
    now = here.time()
    if start < end:
        return day["Day"] == today and start <= now <= end
    return (day["Day"] == today and now >= start) or (day["Day"] == before and now < end)


def _look_at_profiles(subject: Subject) -> Iterator[Finding]:
    client = subject.client("connect")
    staffed = {
        queue["QueueId"]
        for page in client.get_paginator("list_routing_profiles").paginate(InstanceId=subject.instance_id)
        for profile in page["RoutingProfileSummaryList"]
        for queues in client.get_paginator("list_routing_profile_queues").paginate(
            InstanceId=subject.instance_id, RoutingProfileId=profile["Id"]
        )
        for queue in queues["RoutingProfileQueueConfigSummaryList"]
        if queue["Channel"] == "VOICE"
    }
    for arn in subject.queue_arns:
        queue_id = arn.rpartition("/")[2]
        has_profile = queue_id in staffed
        yield passed_or_warned(
            has_profile,
            f"a routing profile has the queue {queue_id}"
            if has_profile
            else f"no routing profile has the queue {queue_id} for Voice: nobody can answer",
            "a routing profile has the queue for the channel Voice",
            "Amazon Connect admin website, Users, Routing profiles: add the queue.",
        )
    if smoke := subject.smoke_queue_arn:
        is_served = smoke.rpartition("/")[2] in staffed
        yield passed_or_warned(
            not is_served,
            f"{'a' if is_served else 'no'} routing profile has the queue of calls that only test",
            "no agent gets them",
            "Amazon Connect admin website, Users, Routing profiles: remove the queue, or name another one.",
        )


CHECKS = (
    Check(
        name="queues",
        reads=(
            Read("connect:DescribeQueue", INSTANCE),
            Read("connect:DescribeHoursOfOperation", INSTANCE),
            STACK_RESOURCES,
        ),
        look=_look_at_queues,
        applies=has_instance,
        after="instance",
    ),
    Check(
        name="routing profiles",
        reads=(
            Read("connect:ListRoutingProfiles", INSTANCE),
            Read("connect:ListRoutingProfileQueues", INSTANCE),
            STACK_RESOURCES,
        ),
        look=_look_at_profiles,
        applies=lambda subject: has_instance(subject) and bool(subject.queue_arns),
        after="queues",
    ),
)
