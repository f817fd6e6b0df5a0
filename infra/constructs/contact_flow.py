"""The way a call takes through Amazon Connect."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import Fn
from aws_cdk import aws_connect as connect
from constructs import Construct

from infra.assets.contact_flow_lint import read_contact_flow


class ContactFlow(Construct):
    """A contact flow from a JSON file in the flow language, with placeholders for the ARNs it names."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        document: Path,
        name: str,
        instance_arn: str,
        arns: Mapping[str, str],
        verified_attributes: Sequence[str],
    ) -> None:
        """`arns` fills the placeholders, and the file may hold no others. `verified_attributes` are contact
        attributes beside the file's own that the flow takes from the verification's answer.

        Raises ContactFlowError.
        """
        super().__init__(scope, id_)
        flow = with_attributes(read_contact_flow(document, arns), verified_attributes)
        self.resource = connect.CfnContactFlow(
            self,
            "Flow",
            name=name,
            description="Proves who calls before an agent is rung",
            type="CONTACT_FLOW",
            instance_arn=instance_arn,
            content=Fn.sub(json.dumps(flow, separators=(",", ":")), arns),
        )
        self.arn = self.resource.attr_contact_flow_arn
        self.constant_attributes = constant_attributes(flow)
        """Each attribute that the flow sets to a text of its own, with the longest of these texts."""


def with_attributes(flow: dict[str, Any], attributes: Sequence[str]) -> dict[str, Any]:
    """The flow with `attributes` taken from the answer where it marks a contact verified, or hands a proved
    code over to another flow, and "unknown" where it marks one unverified: whoever started that contact may
    have set them.
    """
    for action in flow["Actions"]:
        match action["Parameters"].get("Attributes", {}):
            case {"auth_status": "verified"} | {"auth_token": _} as values:
                values.update({name: f"$.External.{name}" for name in attributes})
            case {"auth_status": "unverified"} as values:
                values.update(dict.fromkeys(attributes, "unknown"))
    return flow


def constant_attributes(flow: Mapping[str, Any]) -> dict[str, str]:
    """Each attribute that the flow sets, with the longest of the texts that it sets it to: "" for one that
    has its value at run time alone.

    Such a value (`$.…`) has no bound that a synth could know. What caller_context answers is counted when a
    call starts, by its real size. A copied attribute or another function's answer may be as large as all
    attributes together: to reserve that would leave the caller nothing. So of these the name alone counts,
    and the check of contact flows warns of them in the block that marks a caller verified.
    """
    longest: dict[str, str] = {}
    for action in flow["Actions"]:
        if action["Type"] != "UpdateContactAttributes":
            continue
        for name, value in action["Parameters"].get("Attributes", {}).items():
            constant = "" if value.startswith("$.") else value
            longest[name] = max(longest.get(name, ""), constant, key=lambda text: len(text.encode()))
    return longest
