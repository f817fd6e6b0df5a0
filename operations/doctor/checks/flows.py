"""Adopted contact flows: whether calls can enter them, and whether they ask who calls."""

from __future__ import annotations

import json
from collections.abc import Iterator

from infra.configuration import AdoptedContactFlow
from operations.doctor.check import Check, Finding, Read, failed, passed_if, passed_or_warned
from operations.doctor.checks.instance import INSTANCE, has_instance
from operations.doctor.subject import Subject

_WEBSITE = "Amazon Connect admin website, Routing, Flows"


def _adopted(subject: Subject) -> list[str]:
    connect = subject.configuration.connect
    flows = [connect.contact_flow, *connect.topics.values()]
    return list(dict.fromkeys(flow.arn for flow in flows if isinstance(flow, AdoptedContactFlow)))


def _look(subject: Subject) -> Iterator[Finding]:
    client = subject.client("connect")
    for arn in _adopted(subject):
        flow_id = arn.rpartition("/")[2]
        wanted = "the flow exists, is published, ACTIVE, and of the type CONTACT_FLOW"
        try:
            flow = client.describe_contact_flow(InstanceId=subject.instance_id, ContactFlowId=flow_id)[
                "ContactFlow"
            ]
        except client.exceptions.ResourceNotFoundException:
            yield failed(
                f"the instance has no contact flow {flow_id}",
                wanted,
                "correct its ARN in [connect]; aws connect list-contact-flows has those of the instance.",
            )
            continue
        except client.exceptions.ContactFlowNotPublishedException:
            yield failed(f"{flow_id} is not published", wanted, f"{_WEBSITE}: publish it.")
            continue
        read = f"{flow['Name']!r} is {flow['State']}, {flow.get('Status', 'PUBLISHED')}, {flow['Type']}"
        holds = (
            flow["State"] == "ACTIVE"
            and flow.get("Status", "PUBLISHED") == "PUBLISHED"
            and flow["Type"] == "CONTACT_FLOW"
        )
        yield passed_if(holds, read, wanted, f"{_WEBSITE}: publish it, or name another flow.")
        if subject.is_deployed:
            asks = _invokes_caller_context(str(flow.get("Content", "")))
            yield passed_or_warned(
                asks,
                f"{flow['Name']!r} {'invokes' if asks else 'does not invoke'} CallerContext's alias `live`",
                "the flow asks who calls",
                "docs/agents.md, “Adopt a flow by its ARN”.",
            )


def _invokes_caller_context(content: str) -> bool:
    try:
        blocks = json.loads(content).get("Actions", [])
    except ValueError:
        return False
    functions = [
        str(block.get("Parameters", {}).get("LambdaFunctionARN", ""))
        for block in blocks
        if block.get("Type") == "InvokeLambdaFunction"
    ]
    return any("CallerContext" in arn and arn.endswith(":live") for arn in functions)


CHECKS = (
    Check(
        name="adopted flows",
        reads=(Read("connect:DescribeContactFlow", INSTANCE),),
        look=_look,
        applies=has_instance,
        after="instance",
    ),
)
