"""The resources that IAM decides about when a request to Amazon Connect comes in."""

from local.emulator.aws_service import Call, Parameters


def resources_of(call: Call, *, region: str, account: str) -> list[str]:
    """Their ARNs, as the service authorization reference has them."""
    region_arn = f"arn:aws:connect:{region}:{account}"
    given = call.parameters
    instance = f"{region_arn}:instance/{given.get('InstanceId', '*')}"
    flow = f"{instance}/contact-flow/{given.get('ContactFlowId', '*')}"
    contact = f"{instance}/contact/{given.get('ContactId') or given.get('InitialContactId', '*')}"
    number = f"{region_arn}:phone-number/{given.get('PhoneNumberId', '*').rpartition('/')[2]}"
    hours = f"{instance}/operating-hours/{given.get('HoursOfOperationId', '*')}"
    queue = f"{instance}/queue/{given.get('QueueId', '*')}"
    by_operation = {
        "AssociatePhoneNumberContactFlow": [number, flow],
        "CreateParticipant": [contact, instance],
        "DescribeQueue": [queue],
        "GetContactMetrics": [contact, instance],
        "GetCurrentMetricData": _queues(instance, given) or [instance],
        "GetEffectiveHoursOfOperations": [hours, instance],
        "ListInstances": ["*"],
        "StartWebRTCContact": [instance, flow],
    }
    if call.operation in by_operation:
        return by_operation[call.operation]
    if "PhoneNumberId" in given:
        return [number]
    return [contact] if given.keys() & {"ContactId", "InitialContactId"} else [instance]


def _queues(instance: str, given: Parameters) -> list[str]:
    queues = given.get("Filters", {}).get("Queues", [])
    return [f"{instance}/queue/{each.rpartition('/')[2]}" for each in queues]
