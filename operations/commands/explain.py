"""`explain`: the timeline of one call."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from infra.outputs import Output
from operations.commands.arguments import environment_option, help_epilog
from operations.deployment import Deployment
from operations.doctor.subject import Subject
from operations.timeline import (
    CONTACT_ID,
    RECORD_NAMES,
    Entry,
    of_contact,
    of_log_line,
    of_record,
    render,
    request_ids,
    verdict,
)

_AROUND = timedelta(hours=1)
_MAX_CONTACTS = 12  # that a call can become by transfers (Amazon Connect administrator guide)


def _contact(_: click.Context, __: click.Parameter, value: str | None) -> str:
    text = (value or "").strip().lower()
    if not CONTACT_ID.fullmatch(text):
        raise click.BadParameter("name the contact by its id, with make as CONTACT=<ContactId>")
    return text


@click.command(epilog=help_epilog("make explain ENV=acme CONTACT=<ContactId>"))
@environment_option
@click.option(
    "--contact",
    metavar="ID",
    envvar="OPERATIONS_CONTACT",
    callback=_contact,
    help="The ContactId that the app was answered, or Connect's.  [default: OPERATIONS_CONTACT]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of lines.")
def explain(environment: str | None, contact: str, *, as_json: bool) -> None:
    """Show what became of one call.

    From its record, its contacts, the functions' logs and the API's access log. No token, claim or name is
    shown. An access log line is found by the function's request.
    """
    deployment = Deployment.open(environment)
    entries = sorted(set(_entries(deployment, contact)))
    if as_json:
        shown = [{"at": each.at.isoformat(), "source": each.source, "what": each.what} for each in entries]
        click.echo(json.dumps({"contact": contact, "timeline": shown, "verdict": verdict(entries)}, indent=2))
        return
    for line in render(entries):
        click.echo(line)
    click.echo(verdict(entries))


def _entries(deployment: Deployment, contact: str) -> Iterator[Entry]:
    item = _record(deployment, contact)
    yield from of_record(item)
    ids = {contact, *(item[key]["S"] for key in ("ContactId", "CallId") if key in item)}
    contacts = list(_contacts(deployment, [*ids, *item.get("Legs", {}).get("M", {})]))
    for each in contacts:
        yield from of_contact(each)
    ids |= {each["Id"] for each in contacts}
    starts = [each["InitiationTimestamp"] for each in contacts if "InitiationTimestamp" in each]
    if "StartedAt" in item:
        starts.append(datetime.fromtimestamp(int(item["StartedAt"]["N"]) / 1000, UTC))
    if starts:
        yield from _logged(deployment, ids, min(starts), max(starts))


def _record(deployment: Deployment, contact: str) -> Mapping[str, Any]:
    """The user's record, where this call is still the user's latest."""
    client, table = deployment.session.client("dynamodb"), deployment.read(Output.CALLS_TABLE)
    found = client.query(
        TableName=table,
        IndexName="ByContactId",
        KeyConditionExpression="ContactId = :contact",
        ExpressionAttributeValues={":contact": {"S": contact}},
    )["Items"]
    if not found:
        return {}
    names = {f"#{name}": name for name in RECORD_NAMES}
    key = {"UserId": found[0]["UserId"]}
    return client.get_item(
        TableName=table, Key=key, ProjectionExpression=", ".join(names), ExpressionAttributeNames=names
    ).get("Item", {})


def _contacts(deployment: Deployment, ids: list[str]) -> Iterator[Mapping[str, Any]]:
    """Those that can be described, and what they go on as and came from."""
    client = deployment.session.client("connect")
    instance = deployment.read(Output.CONNECT_INSTANCE_ARN).rpartition("/")[2]
    waiting, seen = list(dict.fromkeys(ids)), set[str]()
    while waiting and len(seen) < _MAX_CONTACTS:
        contact_id = waiting.pop(0)
        if contact_id in seen:
            continue
        seen.add(contact_id)
        try:
            described = client.describe_contact(InstanceId=instance, ContactId=contact_id)["Contact"]
        except client.exceptions.ResourceNotFoundException:
            continue  # a bridged call has an id of its own until its contact is known
        yield described
        waiting += [
            str(described.get(key)) for key in ("PreviousContactId", "InitialContactId") if described.get(key)
        ]


def _logged(deployment: Deployment, ids: set[str], first: datetime, last: datetime) -> Iterator[Entry]:
    client: Any = deployment.session.client("logs")
    lines: list[tuple[datetime, str]] = []
    groups = Subject(deployment.configuration, deployment.session).resources_of("AWS::Logs::LogGroup")
    for group in groups:
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group.physical_id,
            startTime=_millis(first - _AROUND),
            endTime=_millis(last + _AROUND),
        )
        lines += [
            (datetime.fromtimestamp(event["timestamp"] / 1000, UTC), event["message"])
            for page in pages
            for event in page["events"]
        ]
    wanted = ids | request_ids((line for _, line in lines), ids)
    for at, line in lines:
        yield from of_log_line(at, line, wanted)


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
