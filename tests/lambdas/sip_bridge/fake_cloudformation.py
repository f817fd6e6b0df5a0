"""A stack of custom resources, with the lifecycle that CloudFormation and the CDK's provider give them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.lambdas.sip_bridge.fake_voice_account import KilledError

Template = Mapping[str, Mapping[str, Any]]
"""Logical id to the properties of a resource, `ResourceType` among them, in the order of creation.

`{Number}` as a property is the attribute Number of the resource Number.
"""


@dataclass(frozen=True)
class Deployed:
    """A resource of the stack."""

    physical_id: str
    properties: dict[str, Any]
    data: Mapping[str, str]


class _FailedError(Exception):
    pass


@dataclass
class FakeStack:
    """One stack, whose custom resources are all `invoke`'s."""

    invoke: Callable[[dict[str, Any]], dict[str, Any]]
    is_repeated: Callable[[], bool] = lambda: False
    """Whether the provider sends the next event twice."""
    resources: dict[str, Deployed] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    """What CloudFormation has shown of failures."""
    garbage: list[Deployed] = field(default_factory=list)
    """What could not be deleted after the stack had its new, or again its former, resources."""
    former: dict[str, Deployed] | None = None
    """The resources to which a failed rollback has still to come back."""
    _replaced: list[Deployed] = field(default_factory=list)
    """What it deletes when it has."""

    def deploy(self, template: Template) -> bool:
        """Creates or updates the stack; False when that failed and was, as far as possible, rolled back."""
        former = dict(self.resources)
        replaced: list[Deployed] = []
        for logical_id, declared in template.items():
            properties = self._resolved(declared)
            present = self.resources.get(logical_id)
            try:
                self._put(logical_id, properties, replaced)
            except _FailedError:
                if present is not None:
                    self.resources[logical_id] = Deployed(present.physical_id, properties, present.data)
                self.former = former
                self.go_on_rolling_back()
                return False
        removed = [self.resources.pop(logical_id) for logical_id in former if logical_id not in template]
        self._collect([*replaced, *removed])
        return True

    def go_on_rolling_back(self) -> bool:
        """Brings back the former resources; False when one of them failed."""
        former = self.former
        assert former is not None
        for logical_id, deployed in former.items():
            try:
                self._put(logical_id, deployed.properties, self._replaced)
            except _FailedError:
                return False
        created = [self.resources.pop(each) for each in list(self.resources) if each not in former]
        self.former = None
        replaced, self._replaced = self._replaced, []
        self._collect([*replaced, *created])
        return True

    def delete(self) -> bool:
        """Deletes the stack; False when one of its resources failed."""
        for logical_id in reversed(list(self.resources)):
            try:
                self._delete(self.resources[logical_id])
            except _FailedError:
                return False
            del self.resources[logical_id]
        return True

    def collect(self) -> None:
        """Somebody has read what could not be deleted, and sees to it."""
        garbage, self.garbage = self.garbage, []
        self._collect(garbage)

    def _put(self, logical_id: str, properties: dict[str, Any], replaced: list[Deployed]) -> None:
        present = self.resources.get(logical_id)
        if present is None:
            answer = self._send("Create", properties)
        elif present.properties != properties:
            answer = self._send(
                "Update",
                properties,
                PhysicalResourceId=present.physical_id,
                OldResourceProperties=present.properties,
            )
            if answer["PhysicalResourceId"] != present.physical_id:
                replaced.append(present)
        else:
            return
        self.resources[logical_id] = Deployed(answer["PhysicalResourceId"], properties, answer["Data"])

    def _collect(self, replaced: list[Deployed]) -> None:
        for deployed in reversed(replaced):
            for _ in range(3):
                try:
                    self._delete(deployed)
                except _FailedError:
                    continue
                break
            else:
                self.garbage.insert(0, deployed)

    def _delete(self, deployed: Deployed) -> None:
        answer = self._send("Delete", deployed.properties, PhysicalResourceId=deployed.physical_id)
        assert answer["PhysicalResourceId"] == deployed.physical_id, "the provider refuses that"

    def _send(self, request_type: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Sends an event. A creation that failed is never deleted: the provider does not let that through."""
        event = {
            "RequestType": request_type,
            "ResourceType": properties["ResourceType"],
            "ResponseURL": "https://cloudformation.example/SECRET-SIGNATURE",
            "ResourceProperties": properties,
            **more,
        }
        try:
            if self.is_repeated():
                self.invoke(event)
            return self.invoke(event)
        except KilledError as error:
            raise _FailedError from error
        except Exception as error:
            self.reasons.append(str(error))
            assert "\nFix: " in self.reasons[-1], "nobody has_key what to do"
            assert "SECRET" not in self.reasons[-1]
            raise _FailedError from error

    def _resolved(self, declared: Any) -> Any:
        """Properties as they arrive: references resolved, numbers and booleans turned into texts."""
        if isinstance(declared, Mapping):
            return {name: self._resolved(value) for name, value in declared.items()}
        if isinstance(declared, list):
            return [self._resolved(value) for value in declared]
        if declared == "{Number}":
            return self.resources["Number"].data["Number"]
        return declared if isinstance(declared, str) else str(declared).lower()
