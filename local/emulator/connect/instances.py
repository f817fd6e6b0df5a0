"""Amazon Connect instances and what they consist of: hours, queues, contact flows, integrations.

Independent of MiniStack. Facts about the real service: the Amazon Connect API reference. Not emulated:
quotas; whether hours of operation say open is `ContactCenter`'s.
"""

import threading
import uuid
from collections.abc import Mapping
from typing import Any

from local.emulator.aws_service import AwsError, Parameters
from local.emulator.connect import flow_language
from local.emulator.connect.contact import now, present
from local.emulator.connect.contact_flow import ContactFlow
from local.emulator.connect.flow_language import InvalidContactFlowError
from local.emulator.connect.instance import Kind, Resource

_NOT_FOUND = "ResourceNotFoundException"
# Integrations to CloudFormation; the API has operations of their own for them.
_LISTED_APART = frozenset({"LAMBDA_FUNCTION", "LEX_BOT"})


class Instances:
    """All instances of the emulator: the part of the service `connect` that is not about contacts."""

    def __init__(self, *, region: str, account: str) -> None:
        self._region = region
        self._account = account
        self._resources: dict[str, Resource] = {}
        self._lock = threading.RLock()

    def create(self, kind: Kind, properties: Mapping[str, Any]) -> Resource:
        """Create an instance or a part of one; raises AwsError as the service's Create operation does."""
        with self._lock:
            instance_arn = self._instance_arn(kind, properties)
            self._check(kind, properties, instance_arn, current=None)
            base = f"{instance_arn}/" if instance_arn else f"arn:aws:connect:{self._region}:{self._account}:"
            arn = f"{base}{kind}/{uuid.uuid4()}"
            resource = Resource(
                kind, arn, instance_arn or arn, properties, now(), _read_flow(kind, properties)
            )
            self._resources[arn] = resource
            return resource

    def adopt(self, kind: Kind, arn: str, properties: Mapping[str, Any]) -> Resource:
        """An instance or a part of one that has been there before, under its own ARN."""
        with self._lock:
            instance_arn = self._instance_arn(kind, properties) or arn
            self._check(kind, properties, instance_arn, current=None)
            flow = _read_flow(kind, properties)
            self._resources[arn] = Resource(kind, arn, instance_arn, properties, now(), flow)
            return self._resources[arn]

    def update(self, arn: str, properties: Mapping[str, Any]) -> Resource:
        """Give a resource other properties; contacts in a flow stay in the version they began with."""
        with self._lock:
            resource = self._resources[arn]
            self._check(resource.kind, properties, resource.instance_arn, current=resource)
            resource.flow = _read_flow(resource.kind, properties)
            resource.properties = properties
            return resource

    def delete(self, arn: str) -> None:
        """Delete a resource if it is there."""
        with self._lock:
            self._resources.pop(arn, None)

    def find(self, arn: str) -> Resource | None:
        """An instance or a part of one, None where there is none."""
        return self._resources.get(arn)

    def find_integration(self, instance_arn: str, integration_arn: str) -> Resource | None:
        """The association of a function or another integration with an instance."""
        found = self.of_kind(Kind.INTEGRATION_ASSOCIATION, instance_arn)
        return next((resource for resource in found if resource.name == integration_arn), None)

    def may_invoke(self, instance_arn: str, function_arn: str) -> bool:
        """Whether flows of an instance may invoke a function: it is associated, by itself or by the alias."""
        unqualified = ":".join(function_arn.split(":")[:7])
        return any(self.find_integration(instance_arn, arn) for arn in (function_arn, unqualified))

    def _instance_arn(self, kind: Kind, properties: Mapping[str, Any]) -> str:
        if kind is Kind.INSTANCE:
            return ""
        # An integration association's InstanceId takes the instance's ARN.
        arn = str(properties["InstanceId" if kind is Kind.INTEGRATION_ASSOCIATION else "InstanceArn"])
        if arn not in self._resources:
            raise AwsError(_NOT_FOUND, f"There is no instance {arn}.")
        return arn

    def _check(
        self, kind: Kind, properties: Mapping[str, Any], instance_arn: str, *, current: Resource | None
    ) -> None:
        others = (r for r in self._resources.values() if r.kind is kind and r is not current)
        candidate = Resource(kind, "", instance_arn, properties, now())
        for other in others:
            same_instance = kind is Kind.INSTANCE or other.instance_arn == instance_arn
            if same_instance and candidate.name and other.name == candidate.name:
                raise AwsError(
                    "DuplicateResourceException", f"A {kind} called {candidate.name} exists already."
                )
        hours = properties.get("HoursOfOperationArn")
        if hours is not None and hours not in self._resources:
            raise AwsError(_NOT_FOUND, f"There are no hours of operation {hours}.")

    def of_kind(self, kind: Kind, instance_arn: str | None = None) -> list[Resource]:
        """All of a kind, of that instance if it is given."""
        with self._lock:
            return [
                each
                for each in self._resources.values()
                if each.kind is kind and instance_arn in {None, each.instance_arn}
            ]

    def get(self, kind: Kind, resource_id: str, instance_arn: str | None = None) -> Resource:
        """An instance or a part of one, of that instance if it is given; raises AwsError."""
        for resource in list(self._resources.values()):
            fits = instance_arn is None or resource.instance_arn == instance_arn
            if resource.kind is kind and resource.id == resource_id and fits:
                return resource
        raise AwsError(_NOT_FOUND, f"There is no {kind} {resource_id}.")

    def part(self, kind: Kind, parameters: Parameters, id_name: str) -> Resource:
        """The part of an instance that parameters name: InstanceId, and the member `id_name`."""
        instance = self.get(Kind.INSTANCE, parameters["InstanceId"])
        return self.get(kind, parameters[id_name], instance.arn)

    # Operations, named as the SDK names them

    def describe_instance(self, parameters: Parameters) -> Mapping[str, Any]:
        """DescribeInstance."""
        instance = self.get(Kind.INSTANCE, parameters["InstanceId"])
        allowed = instance.properties["Attributes"]
        described = {
            "Id": instance.id,
            "Tags": instance.tags,
            "Arn": instance.arn,
            "IdentityManagementType": instance.properties["IdentityManagementType"],
            "InstanceAlias": instance.properties.get("InstanceAlias"),
            "CreatedTime": instance.created,
            "InstanceStatus": "ACTIVE",
            "InboundCallsEnabled": allowed["InboundCalls"],
            "OutboundCallsEnabled": allowed["OutboundCalls"],
        }
        return {"Instance": present(described)}

    def describe_instance_attribute(self, parameters: Parameters) -> Mapping[str, Any]:
        """DescribeInstanceAttribute, for those that CloudFormation can set."""
        instance = self.get(Kind.INSTANCE, parameters["InstanceId"])
        attribute_type = parameters["AttributeType"]
        name = attribute_type.title().replace("_", "").replace("Tts", "TTS")
        value = str(instance.properties["Attributes"].get(name, False)).lower()
        return {"Attribute": {"AttributeType": attribute_type, "Value": value}}

    def describe_hours_of_operation(self, parameters: Parameters) -> Mapping[str, Any]:
        """DescribeHoursOfOperation."""
        hours = self.part(Kind.HOURS_OF_OPERATION, parameters, "HoursOfOperationId")
        shown = {name: hours.properties.get(name) for name in ("Name", "Description", "TimeZone", "Config")}
        described = {
            "HoursOfOperationId": hours.id,
            "HoursOfOperationArn": hours.arn,
            "Tags": hours.tags,
            **shown,
        }
        return {"HoursOfOperation": present(described)}

    def describe_queue(self, parameters: Parameters) -> Mapping[str, Any]:
        """DescribeQueue."""
        queue = self.part(Kind.QUEUE, parameters, "QueueId")
        shown = {name: queue.properties.get(name) for name in ("Name", "Description", "MaxContacts")}
        hours_id = queue.properties["HoursOfOperationArn"].rpartition("/")[2]
        status = queue.properties.get("Status", "ENABLED")
        described = {
            "QueueId": queue.id,
            "QueueArn": queue.arn,
            "HoursOfOperationId": hours_id,
            "Status": status,
            "Tags": queue.tags,
        }
        return {"Queue": present({**described, **shown})}

    def describe_contact_flow(self, parameters: Parameters) -> Mapping[str, Any]:
        """DescribeContactFlow."""
        flow = self.part(Kind.CONTACT_FLOW, parameters, "ContactFlowId")
        shown = {name: flow.properties.get(name) for name in ("Name", "Type", "Description", "Content")}
        state = flow.properties.get("State", "ACTIVE")
        described = {"Id": flow.id, "Arn": flow.arn, "State": state, "Tags": flow.tags, **shown}
        return {"ContactFlow": present(described)}

    def create_contact_flow(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateContactFlow, always published."""
        instance = self.get(Kind.INSTANCE, parameters["InstanceId"])
        shown = {name: parameters[name] for name in ("Name", "Type", "Content")}
        flow = self.create(Kind.CONTACT_FLOW, {"InstanceArn": instance.arn, **shown})
        return {"ContactFlowId": flow.id, "ContactFlowArn": flow.arn}

    def update_contact_flow_content(self, parameters: Parameters) -> Mapping[str, Any]:
        """UpdateContactFlowContent, published at once; contacts stay in the version they began with."""
        flow = self.part(Kind.CONTACT_FLOW, parameters, "ContactFlowId")
        self.update(flow.arn, {**flow.properties, "Content": parameters["Content"]})
        return {}

    def list_integration_associations(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListIntegrationAssociations."""
        instance = self.get(Kind.INSTANCE, parameters["InstanceId"])
        associations = [
            {
                "IntegrationAssociationId": association.id,
                "IntegrationAssociationArn": association.arn,
                "InstanceId": instance.id,
                "IntegrationType": association.properties["IntegrationType"],
                "IntegrationArn": association.properties["IntegrationArn"],
            }
            for association in self.of_kind(Kind.INTEGRATION_ASSOCIATION, instance.arn)
            if association.properties["IntegrationType"] not in _LISTED_APART
        ]
        return {"IntegrationAssociationSummaryList": associations}

    def list_lambda_functions(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListLambdaFunctions."""
        instance = self.get(Kind.INSTANCE, parameters["InstanceId"])
        associations = self.of_kind(Kind.INTEGRATION_ASSOCIATION, instance.arn)
        return {
            "LambdaFunctions": [
                association.properties["IntegrationArn"]
                for association in associations
                if association.properties["IntegrationType"] == "LAMBDA_FUNCTION"
            ]
        }


def _read_flow(kind: Kind, properties: Mapping[str, Any]) -> ContactFlow | None:
    if kind is not Kind.CONTACT_FLOW:
        return None
    try:
        return flow_language.read(properties["Content"], properties["Type"])
    except InvalidContactFlowError as error:
        problems = [{"message": problem} for problem in error.problems]
        raise AwsError("InvalidContactFlowException", str(error), members={"problems": problems}) from error
