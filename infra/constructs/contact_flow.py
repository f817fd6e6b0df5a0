"""The way a call takes through Amazon Connect."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import Fn
from aws_cdk import aws_connect as connect
from constructs import Construct

from infra.assets.contact_flow_lint import (
    PLACEHOLDERS,
    ContactFlowError,
    FlowType,
    declared_flow_type,
    faults,
    placeholders_of,
    read_contact_flow,
    without_unwanted,
)

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class DeployedFlow:
    """A flow of a file as one environment has it; `placeholders` are the ARNs that it still wants."""

    type: FlowType
    description: str
    content: Mapping[str, Any]
    placeholders: frozenset[str]


def deployed_flow(
    document: Path,
    *,
    features: Collection[str],
    values: Mapping[str, str],
    arns: Collection[str],
    proved: Sequence[str] = (),
    unproved: Sequence[str] = (),
) -> DeployedFlow:
    """The flow of the file `document` without the blocks that need other features, and with its values.

    `arns` are the placeholders of ARNs that it may hold. `proved` are contact attributes beside the file's
    own that it takes from the verification's answer, `unproved` those that the caller sends.

    Raises ContactFlowError.
    """
    read = read_contact_flow(document, {*PLACEHOLDERS, *arns})
    flow_type = declared_flow_type(read)
    flow = filled(with_attributes(without_unwanted(read, features), proved, unproved), values)
    # Once more, since it is another flow: shorter, and with an environment's own values.
    if errors := [fault for fault in faults(flow, arns, flow_type) if fault.is_error]:
        raise ContactFlowError(document, errors)
    return DeployedFlow(
        type=flow_type,
        description=(read.get("Metadata") or {}).get("description", "Takes in-app calls"),
        content=flow,
        placeholders=frozenset(placeholders_of(flow)),
    )


class ContactFlow(Construct):
    """A contact flow of the instance, with the ARNs that it names."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        flow: DeployedFlow,
        name: str,
        instance_arn: str,
        arns: Mapping[str, str],
    ) -> None:
        """`arns` has the ARN of each of the flow's placeholders."""
        super().__init__(scope, id_)
        content = json.dumps(flow.content, separators=(",", ":"))
        self.resource = connect.CfnContactFlow(
            self,
            "Flow",
            name=name,
            description=flow.description,
            type=flow.type,
            instance_arn=instance_arn,
            content=Fn.sub(content, arns) if arns else content,
        )
        self.arn = self.resource.attr_contact_flow_arn
        self.constant_attributes = constant_attributes(flow.content)
        """Each attribute that the flow sets to a text of its own, with the longest of these texts."""


def with_attributes(
    flow: dict[str, Any], proved: Sequence[str], unproved: Sequence[str] = ()
) -> dict[str, Any]:
    """The flow with the attributes `proved` taken from the answer where it marks a contact verified, or hands
    a proved code over to another flow, and "unknown" where it marks one unverified: whoever started that
    contact may have set them. A view of a proved caller shows them, and those `unproved` as the app's word.
    """
    for action in flow["Actions"]:
        parameters = action["Parameters"]
        match parameters.get("Attributes", {}):
            case {"auth_status": "verified"} | {"auth_token": _} as values:
                values.update({name: f"$.External.{name}" for name in proved})
            case {"auth_status": "unverified"} as values:
                values.update(dict.fromkeys(proved, "unknown"))
        match parameters.get("ViewData"):
            case {"AttributeBar": list(shown)} if _shows_customer(shown):
                shown += [{"Label": name, "Value": f"$.Attributes.{name}"} for name in proved]
                shown += [
                    {"Label": f"{name}, the app's word", "Value": f"$.Attributes.{name}"} for name in unproved
                ]
    return flow


def _shows_customer(shown: Sequence[Any]) -> bool:
    return {"Label": "Customer id", "Value": "$.Attributes.customer_id"} in shown


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """The flow, or a part of it, with these values in the place of their placeholders."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {name: filled(member, values) for name, member in value.items()}
    return [filled(item, values) for item in value] if isinstance(value, list) else value


def constant_attributes(flow: Mapping[str, Any]) -> dict[str, str]:
    """Each attribute that the flow sets, with the longest of the texts that it sets it to: "" for one that
    has its value at run time alone.

    Such a value (`$.…`) has no bound that a synth could know. What caller_context answers is counted when a
    call starts, by its real size. A copied attribute or another function's answer may be as large as all
    attributes together: to reserve that would leave the caller nothing. So of these the name alone counts,
    and the check of contact flows warns of them in the block that marks a caller verified.
    """
    return longest_texts(
        (name, "" if value.startswith("$.") else value)
        for action in flow["Actions"]
        if action["Type"] == "UpdateContactAttributes"
        for name, value in action["Parameters"].get("Attributes", {}).items()
    )


def longest_texts(texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By each name that of its texts which has the most bytes in UTF-8."""
    longest: dict[str, str] = {}
    for name, text in texts:
        longest[name] = max(longest.get(name, ""), text, key=lambda each: len(each.encode()))
    return longest
