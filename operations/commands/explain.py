"""`explain`: the timeline of one call."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from infra.outputs import Output
from operations.commands.arguments import environment_option, help_epilog
from operations.deployment import Deployment
from operations.doctor.subject import Subject
from operations.session import explain as explain_error
from operations.timeline import (
    CONTACT_ID,
    RECORD_NAMES,
    Entry,
    filter_patterns,
    of_contact,
    of_log_line,
    of_record,
    of_trace,
    render,
    request_ids,
    trace_ids,
    verdict,
)

_AROUND = timedelta(hours=1)
_MAX_TRACES = 5  # at a time (AWS X-Ray API reference, BatchGetTraces)
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

    From its record, its contacts, the functions' logs, the API's access log, and traces. No token, claim or
    name is shown, and no line of another call is read. An access log line is found by the function's request.
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
    """What the lines say that name the call, or the requests by which it was handled; and their traces."""
    groups = [
        each.physical_id
        for each in Subject(deployment.configuration, deployment.session).resources_of("AWS::Logs::LogGroup")
    ]
    lines = list(_lines(deployment, groups, ids, first, last))
    # The access log has no contact of a start: it names the request of the function.
    requests = request_ids((line for _, line in lines), ids)
    lines += _lines(deployment, groups, requests, first, last)
    wanted = ids | requests
    for at, line in lines:
        yield from of_log_line(at, line, wanted)
    yield from _traced(deployment, trace_ids((line for _, line in lines), wanted))


def _lines(
    deployment: Deployment, groups: Iterable[str], ids: Iterable[str], first: datetime, last: datetime
) -> Iterator[tuple[datetime, str]]:
    """Those that name one of `ids`: no other leaves CloudWatch Logs."""
    client: Any = deployment.session.client("logs")
    for pattern in filter_patterns(ids):
        for group in groups:
            pages = client.get_paginator("filter_log_events").paginate(
                logGroupName=group,
                startTime=_millis(first - _AROUND),
                endTime=_millis(last + _AROUND),
                filterPattern=pattern,
            )
            for page in pages:
                for event in page["events"]:
                    yield datetime.fromtimestamp(event["timestamp"] / 1000, UTC), event["message"]


def _traced(deployment: Deployment, ids: Iterable[str]) -> Iterator[Entry]:
    """Traces that AWS X-Ray has: it samples some requests only, and keeps them for 30 days."""
    client: Any = deployment.session.client("xray")
    wanted = sorted(ids)
    for number in range(0, len(wanted), _MAX_TRACES):
        try:
            pages = client.get_paginator("batch_get_traces").paginate(
                TraceIds=wanted[number : number + _MAX_TRACES]
            )
            traces = [trace for page in pages for trace in page["Traces"]]
        except (BotoCoreError, ClientError) as error:
            # All else is known without them.
            click.echo(f"Without traces: {explain_error(error)}", err=True)
            return
        for trace in traces:
            yield from of_trace(trace)


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
