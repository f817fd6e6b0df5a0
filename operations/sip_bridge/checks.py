"""What the SIP bridge adds to the doctor."""

from __future__ import annotations

from collections.abc import Iterator

from infra.configuration import Configuration
from infra.sip_bridge.section import (
    MAX_CONCURRENCY,
    AdoptedCallerNumber,
    AdoptedConnectNumber,
    SipBridge,
    section_of,
)
from operations.doctor.check import Check, Finding, Read, failed, passed_if
from operations.doctor.subject import Subject

FLOWS = 1  # infra/sip_bridge/contact_flows
_FUNCTIONS_OF_DEPLOYMENTS = 2  # BridgeResources, and what polls it


def reserved_executions(configuration: Configuration) -> int:
    """Those of the function that SIP calls, and of what makes resources."""
    return (configuration.functions.reserved_concurrency or 0) + (_FUNCTIONS_OF_DEPLOYMENTS * MAX_CONCURRENCY)


def _look_at_applications(subject: Subject) -> Iterator[Finding]:
    pages = subject.client("chime-sdk-voice").get_paginator("list_sip_media_applications").paginate()
    found = sum(len(page["SipMediaApplications"]) for page in pages)
    yield passed_if(
        found,
        f"the account has {found} SIP media applications",
        "one or more: since 29 October 2026 only accounts that have them may make others",
        "remove [sip_bridge]: calls reach Amazon Connect by itself then.",
    )


def _look_at_numbers(subject: Subject) -> Iterator[Finding]:
    section = section_of(subject.configuration)
    if isinstance(section.caller_number, AdoptedCallerNumber):
        yield _caller_number_finding(subject, section.caller_number.number)
    if isinstance(section.connect_number, AdoptedConnectNumber):
        yield _connect_number_finding(subject, section.connect_number)


def _caller_number_finding(subject: Subject, number: str) -> Finding:
    client = subject.client("chime-sdk-voice")
    wanted = "the number is of the account's inventory, for SIP media applications"
    fix = "correct sip_bridge.caller_number.number; aws chime-sdk-voice list-phone-numbers has the inventory."
    try:
        found = client.get_phone_number(PhoneNumberId=number)["PhoneNumber"]
    except client.exceptions.NotFoundException:
        return failed("the inventory has no such number", wanted, fix)
    product = found.get("ProductType")
    return passed_if(product == "SipMediaApplicationDialIn", f"the number is for {product}", wanted, fix)


def _connect_number_finding(subject: Subject, adopted: AdoptedConnectNumber) -> Finding:
    pages = subject.client("connect").get_paginator("list_phone_numbers_v2")
    found = {
        number["PhoneNumberArn"]: number["PhoneNumber"]
        for page in pages.paginate(TargetArn=subject.instance_arn)
        for number in page["ListPhoneNumbersSummaryList"]
    }
    return passed_if(
        found.get(adopted.arn) == adopted.number,
        f"the instance has {'that number' if adopted.arn in found else 'no number of that ARN'}",
        "the number is claimed to the instance, and is the one that the configuration names",
        "correct sip_bridge.connect_number; aws connect list-phone-numbers-v2 has those of the account.",
    )


def _is_bridged(subject: Subject) -> bool:
    transport = subject.configuration.transport
    return transport is not None and isinstance(transport.section, SipBridge)


CHECKS = (
    Check(
        name="sip media applications",
        reads=(Read("chime:ListSipMediaApplications"),),
        look=_look_at_applications,
        applies=_is_bridged,
    ),
    Check(
        name="phone numbers",
        reads=(Read("chime:GetPhoneNumber"), Read("connect:ListPhoneNumbersV2")),
        look=_look_at_numbers,
        applies=_is_bridged,
    ),
)
