"""Amazon Connect's CloudFormation types, which MiniStack lacks."""

from local.emulator.cloudformation.provisioners import PROVISIONERS, Attributes, Properties, Provisioner
from local.emulator.cloudformation.registry import Registry
from local.emulator.connect.instance import Kind, Resource
from local.emulator.connect.instances import Instances

_KINDS = {
    "AWS::Connect::Instance": Kind.INSTANCE,
    "AWS::Connect::HoursOfOperation": Kind.HOURS_OF_OPERATION,
    "AWS::Connect::Queue": Kind.QUEUE,
    "AWS::Connect::ContactFlow": Kind.CONTACT_FLOW,
    "AWS::Connect::IntegrationAssociation": Kind.INTEGRATION_ASSOCIATION,
}


def install(registry: Registry, instances: Instances) -> None:
    """Add the types that instances consist of."""
    for resource_type, kind in _KINDS.items():
        if resource_type in registry.types:  # of this Region
            PROVISIONERS[resource_type] = _provisioner(registry, instances, resource_type, kind)


def _provisioner(registry: Registry, instances: Instances, resource_type: str, kind: Kind) -> Provisioner:
    identifier = registry.names(resource_type, "primaryIdentifier")

    def identify(resource: Resource) -> tuple[str, Attributes]:
        attributes = _attributes(resource)
        return "|".join(str({**resource.properties, **attributes}[name]) for name in identifier), attributes

    def create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
        return identify(instances.create(kind, registry.checked(resource_type, properties)))

    def arn_of(physical_id: str, properties: Properties) -> str:
        if kind is not Kind.INTEGRATION_ASSOCIATION:
            return physical_id
        association = instances.find_integration(properties["InstanceId"], properties["IntegrationArn"])
        return association.arn if association else ""

    def update(physical_id: str, old: Properties, new: Properties, _stack: str) -> tuple[str, Attributes]:
        checked = registry.checked(resource_type, new)
        fixed = [*registry.names(resource_type, "createOnlyProperties"), "InstanceArn"]
        if any(old.get(name) != new.get(name) for name in fixed):
            created = instances.create(kind, checked)
            delete(physical_id, old)
            return identify(created)
        return identify(instances.update(arn_of(physical_id, old), checked))

    def delete(physical_id: str, properties: Properties) -> None:
        instances.delete(arn_of(physical_id, properties))

    return {"create": create, "update": update, "delete": delete}


def _attributes(resource: Resource) -> Attributes:
    match resource.kind:
        case Kind.INSTANCE:
            account = resource.arn.partition(":instance/")[0].replace(":connect:", ":iam:")
            return {
                "Arn": resource.arn,
                "Id": resource.id,
                "CreatedTime": resource.created.isoformat(),
                "InstanceStatus": "ACTIVE",
                "ServiceRole": f"{account}:role/aws-service-role/connect.amazonaws.com/"
                f"AWSServiceRoleForAmazonConnect_{resource.id[:8]}",
            }
        case Kind.HOURS_OF_OPERATION:
            return {"HoursOfOperationArn": resource.arn}
        case Kind.QUEUE:
            return {"QueueArn": resource.arn, "Type": "STANDARD"}
        case Kind.CONTACT_FLOW:
            return {"ContactFlowArn": resource.arn}
        case Kind.INTEGRATION_ASSOCIATION:
            return {"IntegrationAssociationId": resource.id}
