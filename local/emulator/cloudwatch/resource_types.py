"""Alarms on metric math, which MiniStack refuses."""

from ministack.core import responses

from local.emulator.cloudformation.provisioners import PROVISIONERS, Attributes, Properties
from local.emulator.cloudformation.records import Records


def install(records: Records) -> None:
    """Record the alarms on metric math; the others are MiniStack's own."""
    alarm_type = "AWS::CloudWatch::Alarm"
    own, recorded = dict(PROVISIONERS[alarm_type]), records.provisioner(alarm_type)

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        chosen = recorded if properties.get("Metrics") else own
        name, attributes = chosen["create"](logical_id, properties, stack)
        return name, _with_arn(name, attributes)

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> tuple[str, Attributes]:
        if bool(old.get("Metrics")) != bool(new.get("Metrics")):
            created = create(logical_id, new, stack)
            delete(physical_id, old)
            return created
        chosen = recorded if new.get("Metrics") else own
        name, attributes = chosen["update"](physical_id, old, new, stack, logical_id)
        return name, _with_arn(name, attributes)

    def delete(physical_id: str, properties: Properties) -> None:
        (recorded if properties.get("Metrics") else own)["delete"](physical_id, properties)

    PROVISIONERS[alarm_type] = {
        "create": create, "update": update, "update_with_logical_id": True, "delete": delete,
    }  # fmt: skip


def _with_arn(name: str, attributes: Attributes) -> Attributes:
    """What the rules of composite alarms name an alarm by: a recorded one has none of that form."""
    arn = f"arn:aws:cloudwatch:{responses.get_region()}:{responses.get_account_id()}:alarm:{name}"
    return {**attributes, "Arn": arn}
