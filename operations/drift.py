"""What drift detection has found of an environment, and which of it an operator's command has done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.switch_values import OFF


@dataclass(frozen=True)
class Change:
    """A resource that is not as its template says: where, and which of its properties; none if it is gone."""

    stack: str
    logical_id: str
    type: str
    properties: tuple[str, ...]
    is_stopped_calling: bool
    """Whether it is the switch of `stop-calls`, off, and nothing more."""

    def __str__(self) -> str:
        """One line."""
        what = ", ".join(self.properties) if self.properties else "deleted"
        return f"{self.stack}/{self.logical_id} ({self.type}): {what}"


def changes(client: Any, stack: str, *, switch: str) -> Iterator[Change]:
    """What the last detection has found in a stack; `client` is one of CloudFormation, `switch` the name of
    the parameter of `stop-calls`.

    Raises botocore's ClientError, for a stack that is not deployed too.
    """
    token = None
    while True:
        page = client.describe_stack_resource_drifts(
            StackName=stack,
            StackResourceDriftStatusFilters=["MODIFIED", "DELETED"],
            **({} if token is None else {"NextToken": token}),
        )
        for drift in page["StackResourceDrifts"]:
            yield _change(stack, drift, switch)
        token = page.get("NextToken")
        if token is None:
            return


def _change(stack: str, drift: Mapping[str, Any], switch: str) -> Change:
    differences = drift.get("PropertyDifferences", [])
    return Change(
        stack=stack,
        logical_id=drift["LogicalResourceId"],
        type=drift["ResourceType"],
        properties=tuple(each["PropertyPath"] for each in differences),
        is_stopped_calling=drift["ResourceType"] == "AWS::SSM::Parameter"
        and drift.get("PhysicalResourceId") == switch
        and [(each["PropertyPath"], each["ActualValue"]) for each in differences] == [("/Value", OFF)],
    )
