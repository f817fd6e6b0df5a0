"""The resources that IAM decides about when a request to Amazon Connect comes in."""

from local.emulator.aws_service import Call


def resources_of(call: Call, *, region: str, account: str) -> list[str]:
    """Their ARNs, as the service authorization reference has them."""
    region_arn = f"arn:aws:connect:{region}:{account}"
    given = call.parameters
    instance = f"{region_arn}:instance/{given.get('InstanceId', '*')}"
    flow = f"{instance}/contact-flow/{given.get('ContactFlowId', '*')}"
    if call.operation == "StartWebRTCContact":
        return [instance, flow]
    if "PhoneNumberId" in given:
        number = f"{region_arn}:phone-number/{given['PhoneNumberId'].rpartition('/')[2]}"
        return [number, flow] if call.operation == "AssociatePhoneNumberContactFlow" else [number]
    if "ContactId" in given:
        contact = f"{instance}/contact/{given['ContactId']}"
        return [contact, instance] if call.operation == "CreateParticipant" else [contact]
    return [instance]
