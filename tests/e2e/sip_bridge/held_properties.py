"""Reads what the resources of the bridge hold back through the APIs of their services."""

import json

from tests.e2e.aws import Aws
from tests.e2e.held_properties import ATTRIBUTES, Properties, Reader, Resource
from tests.e2e.held_properties import READERS as PLAIN_READERS


def _id_of(arn: str) -> str:
    return arn.rpartition("/")[2]


def _tags(aws: Aws, arn: str) -> list[dict[str, str]]:
    tags: list[dict[str, str]] = aws.client("chime-sdk-voice").list_tags_for_resource(ResourceARN=arn)["Tags"]
    return tags


def _voice_connector(aws: Aws, resource: Resource) -> Properties:
    arn = resource.physical_id
    found = aws.client("chime-sdk-voice").get_voice_connector(VoiceConnectorId=_id_of(arn))
    return {**found["VoiceConnector"], "Tags": _tags(aws, arn)}


def _application(aws: Aws, resource: Resource) -> Properties:
    arn = resource.physical_id
    found = aws.client("chime-sdk-voice").get_sip_media_application(SipMediaApplicationId=_id_of(arn))
    return {**found["SipMediaApplication"], "Tags": _tags(aws, arn)}


def _claimed_number(aws: Aws, resource: Resource) -> Properties:
    number_id = _id_of(resource.physical_id)
    claimed = aws.client("connect").describe_phone_number(PhoneNumberId=number_id)[
        "ClaimedPhoneNumberSummary"
    ]
    return {
        "CountryCode": claimed["PhoneNumberCountryCode"],
        "Description": claimed["PhoneNumberDescription"],
        "Tags": [{"Key": name, "Value": value} for name, value in claimed["Tags"].items()],
        "TargetArn": claimed["TargetArn"],
        "Type": claimed["PhoneNumberType"],
    }


def _secret(aws: Aws, resource: Resource) -> Properties:
    secrets = aws.client("secretsmanager")
    described = secrets.describe_secret(SecretId=resource.physical_id)
    value = json.loads(secrets.get_secret_value(SecretId=resource.physical_id)["SecretString"])
    password = value.pop("password")
    return {
        **described,
        "GenerateSecretString": {
            "ExcludePunctuation": password.isalnum(),
            "GenerateStringKey": "password",
            "PasswordLength": len(password),
            "SecretStringTemplate": json.dumps(value),
        },
    }


def _caller_number(aws: Aws, resource: Resource) -> Properties:
    number = aws.client("chime-sdk-voice").get_phone_number(PhoneNumberId=resource.physical_id)["PhoneNumber"]
    assert number["ProductType"] == "SipMediaApplicationDialIn"
    return {
        **_service(resource),
        "Country": number["Country"],
        "Type": number["Type"],
        "Name": number["Name"],
    }


def _rule(aws: Aws, resource: Resource) -> Properties:
    rule = aws.client("chime-sdk-voice").get_sip_rule(SipRuleId=resource.physical_id)["SipRule"]
    [target] = rule["TargetApplications"]
    assert (rule["TriggerType"], rule["Disabled"]) == ("ToPhoneNumber", False)
    return {
        **_service(resource),
        "Name": rule["Name"],
        "Number": rule["TriggerValue"],
        "Region": target["AwsRegion"],
        "SipMediaApplicationId": target["SipMediaApplicationId"],
    }


def _settings(aws: Aws, resource: Resource) -> Properties:
    voice, of = aws.client("chime-sdk-voice"), {"VoiceConnectorId": resource.physical_id}
    termination = voice.get_voice_connector_termination(**of)["Termination"]
    origination = voice.get_voice_connector_origination(**of)["Origination"]
    logging = voice.get_voice_connector_logging_configuration(**of)["LoggingConfiguration"]
    names = voice.list_voice_connector_termination_credentials(**of)["Usernames"]
    secret_arn = resource.properties["CredentialsSecretArn"]
    secret = json.loads(aws.client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"])
    assert names == [secret["username"]]
    assert not termination["Disabled"]
    assert not origination["Disabled"]
    kept = ("ServiceToken", "CredentialsSecretArn", "CredentialsVersion")
    return {
        **{name: resource.properties[name] for name in kept},
        "VoiceConnectorId": resource.physical_id,
        "Cidrs": termination["CidrAllowedList"],
        "CallingRegions": termination["CallingRegions"],
        "CallsPerSecond": termination["CpsLimit"],
        "Routes": origination["Routes"],
        "SipMessageLogs": logging["EnableSIPLogs"],
    }


def _contact_flow_number(aws: Aws, resource: Resource) -> Properties:
    """No API of Amazon Connect returns which flow a number leads to: a call to it shows that."""
    claimed = aws.client("connect").describe_phone_number(PhoneNumberId=resource.physical_id)
    assert claimed["ClaimedPhoneNumberSummary"]["PhoneNumberStatus"]["Status"] == "CLAIMED"
    return {**resource.properties, "PhoneNumberId": resource.physical_id}


def _service(resource: Resource) -> Properties:
    return {"ServiceToken": resource.properties["ServiceToken"]}


def _role(aws: Aws, resource: Resource) -> Properties:
    """Without the policies that attach themselves: these are read back as policies."""
    is_held = PLAIN_READERS[resource.type](aws, resource)
    arns = [arn for arn in is_held["ManagedPolicyArns"] if "Rights" not in arn]
    return {**is_held, "ManagedPolicyArns": arns}


READERS: dict[str, Reader] = {
    **PLAIN_READERS,
    "AWS::Chime::SipMediaApplication": _application,
    "AWS::Chime::VoiceConnector": _voice_connector,
    "AWS::Connect::PhoneNumber": _claimed_number,
    "AWS::IAM::Role": _role,
    "AWS::SecretsManager::Secret": _secret,
    "Custom::CallerNumber": _caller_number,
    "Custom::ContactFlowNumber": _contact_flow_number,
    "Custom::SipRule": _rule,
    "Custom::VoiceConnectorSettings": _settings,
}

ATTRIBUTES.update(
    {
        ("AWS::Chime::SipMediaApplication", "SipMediaApplicationArn"): lambda _, arn: arn,
        ("AWS::Chime::SipMediaApplication", "SipMediaApplicationId"): lambda _, arn: _id_of(arn),
        ("AWS::Chime::VoiceConnector", "VoiceConnectorArn"): lambda _, arn: arn,
        ("AWS::Chime::VoiceConnector", "VoiceConnectorId"): lambda _, arn: _id_of(arn),
        ("AWS::Chime::VoiceConnector", "OutboundHostName"): lambda aws, arn: str(
            aws.client("chime-sdk-voice").get_voice_connector(VoiceConnectorId=_id_of(arn))["VoiceConnector"][
                "OutboundHostName"
            ]
        ),
        ("AWS::Connect::PhoneNumber", "Address"): lambda aws, arn: str(
            aws.client("connect").describe_phone_number(PhoneNumberId=_id_of(arn))[
                "ClaimedPhoneNumberSummary"
            ]["PhoneNumber"]
        ),
        ("AWS::Connect::PhoneNumber", "PhoneNumberArn"): lambda _, arn: arn,
        ("Custom::CallerNumber", "Number"): lambda _, number: number,
    }
)
