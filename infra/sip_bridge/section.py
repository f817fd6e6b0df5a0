"""`[sip_bridge]` of a configuration file."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import Discriminator, Tag, ValidationInfo, field_validator, model_validator

from infra.configuration.attributes import Attributes
from infra.configuration.calls import Calls
from infra.configuration.capabilities import Capabilities
from infra.configuration.configuration import Configuration
from infra.configuration.faults import Fault, detail, refuse, refuse_all
from infra.configuration.functions import Functions, refuse_fewer_executions
from infra.configuration.place import Place
from infra.configuration.quotas import MAX_RATE, refuse_burst_below_rate
from infra.configuration.regions import IN_APP_CALLING_REGIONS
from infra.configuration.section import CrossCheck, Section, Transport, TransportSection
from infra.configuration.values import UUID, Arn, Entries, Switch, Tables, Text, Texts, Whole

MAX_CONCURRENCY = 2
"""Custom resources that CloudFormation makes at a time: those of one stack that do not need each other."""

# Where the Amazon Chime SDK has SIP media applications and Voice Connectors
# (Amazon Chime SDK developer guide, "Available AWS Regions"), and CloudFormation has types for them.
SIP_MEDIA_APPLICATION_REGIONS = (
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "us-east-1",
)

REGIONS_WITHOUT_TYPES = ("us-west-2",)
"""Where the Amazon Chime SDK has both, but CloudFormation neither AWS::Chime::SipMediaApplication nor
AWS::Chime::VoiceConnector (CloudFormation registry, resource schemas of the Region).
"""

CHIME_PHONE_NUMBER_REGIONS = ("us-east-1",)
"""Of these, those whose phone numbers can be ordered from the Amazon Chime SDK."""

RESERVED_SIP_HEADERS = ("x-amzn", "x-canary", "x-chime", "x-vc", "x-vine", "x-voice")
"""Names of SIP headers that begin so belong to AWS, whatever their case
(Amazon Chime SDK developer guide, "Using SIP headers"); the join token travels in one of them.
"""

# The start takes up to 26 s, Connect rings for up to 30 s, and a code takes some ten seconds to be sent; the
# rest is room.
_MIN_REFERENCE_SECONDS = 120
_MAX_HEADERS = 10
_MAX_ROUTES = 20
_SIP_HEADER = re.compile(r"[xX]-[A-Za-z0-9-]{1,62}")
_HOST_NAME = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_QUOTAS = 'Amazon Chime SDK developer guide, "Service quotas"'
_PRIVATE = "private, reserved or for documentation, and not to be reached over the internet"
_CIDRS_FIX = 'a list of the public IPv4 networks that the SIP host calls from, /27 to /32: ["<address>/32"]'
_HOST_FIX = 'a public IPv4 address, or a domain name: "sip.example.com"'

_E164 = Text('a phone number in E.164: "+12065550100"', r"\+[1-9][0-9]{1,14}", "ITU-T E.164")
_COUNTRY = r"[A-Z]{2}"


class AdoptedCallerNumber(Section):
    """A phone number of the account's Amazon Chime SDK inventory, for SIP media applications; E.164."""

    number: Annotated[str, _E164]
    """The number."""


class OrderedCallerNumber(Section):
    """A phone number that the SipBridge stack orders; `type` is Local or TollFree."""

    country: Annotated[
        str,
        Text(
            'where to order a number, as two capital letters: "US"; or the number of your Amazon Chime SDK '
            "inventory to use: number",
            _COUNTRY,
        ),
    ]
    """Where it is ordered."""

    type: Annotated[str, Text('"Local" or "TollFree"', "Local|TollFree")]
    """Its kind."""

    @field_validator("country")
    @classmethod
    def _can_be_ordered(cls, value: str, info: ValidationInfo) -> str:
        region = info.context.region if info.context is not None else None
        if region is not None and region not in CHIME_PHONE_NUMBER_REGIONS:
            refuse(
                f"numbers are ordered in {' and '.join(CHIME_PHONE_NUMBER_REGIONS)} alone, and region is "
                f"{region!r}: name a number that you have"
            )
        return value


class AdoptedConnectNumber(Section):
    """A phone number that is claimed to the Connect instance already; `number` is E.164."""

    arn: Annotated[
        str,
        Arn(
            "the ARN of a number that is claimed to the instance: {arn}",
            service="connect",
            resource=f"phone-number/{UUID}",
            example="phone-number/<uuid>",
        ),
    ]
    """Its ARN."""

    number: Annotated[str, _E164]
    """The number."""

    @field_validator("arn")
    @classmethod
    def _not_of_sandbox(cls, value: str, info: ValidationInfo) -> str:
        if info.context is not None and info.context.sandbox:
            refuse("a sandbox has no number yet: claim one by country and type")
        return value


class ClaimedConnectNumber(Section):
    """A phone number that the Calling stack claims; `type` is DID or TOLL_FREE."""

    country: Annotated[
        str,
        Text(
            'where to claim a number, as two capital letters: "US"; or arn and number of one that the '
            "instance has",
            _COUNTRY,
        ),
    ]
    """Where it is claimed."""

    type: Annotated[str, Text('"DID" or "TOLL_FREE"', "DID|TOLL_FREE")]
    """Its kind."""


class Route(Section):
    """Where the Voice Connector sends calls: a SIP host. The lowest priority is tried first."""

    host: Annotated[str, Text(_HOST_FIX)]
    """The SIP host."""

    port: Annotated[int, Whole(1, 65_535, "the port that the SIP host listens on")]
    """Its port."""

    protocol: Annotated[str, Text('"TCP" or "UDP"', "TCP|UDP")]
    """Its transport; encrypted SIP takes TCP."""

    priority: Annotated[int, Whole(1, 100, "the route of the lowest number is tried first")] = 1
    """The order in which routes are tried."""

    weight: Annotated[int, Whole(1, 100, "its share of the calls among routes of one priority")] = 1
    """Its share among those of one priority."""

    @field_validator("host")
    @classmethod
    def _is_public(cls, value: str) -> str:
        try:
            address = ipaddress.IPv4Address(value)
        except ValueError:
            if not _HOST_NAME.fullmatch(value):
                refuse(_HOST_FIX)
        else:
            if not _is_public(address):
                refuse(f"{value!r} is {_PRIVATE}; {_HOST_FIX}")
        return value


def _is_public(place: ipaddress.IPv4Address | ipaddress.IPv4Network) -> bool:
    # To Python a multicast address is a global one.
    return place.is_global and not place.is_multicast


def _check_cidr(cidr: str) -> None:
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError as error:
        refuse(f"{error}; {_CIDRS_FIX}")
    if cidr != str(network):
        refuse(f"{cidr!r} is written {str(network)!r}; {_CIDRS_FIX}")
    if network.prefixlen < 27:
        refuse(f"{cidr!r} is wider than /27; {_CIDRS_FIX}")
    if not _is_public(network):
        refuse(f"{cidr!r} is {_PRIVATE}; {_CIDRS_FIX}")


class AdoptedVoiceConnector(Section):
    """A Voice Connector that exists already, and whose settings are somebody else's."""

    arn: Annotated[
        str,
        Arn(
            "the ARN of a Voice Connector of this account and Region: {arn}",
            service="chime",
            resource="vc/[a-z0-9]+",
            example="vc/<id>",
        ),
    ]
    """Its ARN."""


class OwnVoiceConnector(Section):
    """A Voice Connector that the SipBridge stack creates.

    The SIP host sends calls on from `termination_cidrs`, to `calling_regions` alone, with credentials from
    Secrets Manager; a higher `credentials_version` hands over what the secret then holds.
    """

    require_encryption: Annotated[bool, Switch()] = True
    """Whether SIP is encrypted (TLS), and media too (SRTP)."""

    calls_per_second: Annotated[
        int, Whole(1, 1_000, "calls a second; AWS gives 1 unless your quota was raised", _QUOTAS)
    ] = 1
    """How many calls the SIP host may send on in a second."""

    calling_regions: Annotated[
        tuple[str, ...],
        Texts(
            Text('a list of countries that the SIP host may call, as two capital letters: ["US"]', _COUNTRY),
            1,
        ),
    ]
    """The countries that the SIP host may call."""

    termination_cidrs: Annotated[tuple[str, ...], Texts(Text(_CIDRS_FIX), 1, check=_check_cidr)]
    """The networks that the SIP host calls from."""

    credentials_version: Annotated[
        int,
        Whole(
            1,
            1_000_000,
            "raise it after the secret was changed, to hand its credentials to the Voice Connector",
        ),
    ] = 1
    """Counts the credentials of the SIP host."""

    sip_message_logs: Annotated[bool, Switch()] = False
    """Whether whole SIP messages are logged."""

    routes: Annotated[tuple[Route, ...], Tables(_MAX_ROUTES)]
    """The SIP hosts."""

    @field_validator("routes")
    @classmethod
    def _encrypted_over_tcp(cls, value: tuple[Route, ...], info: ValidationInfo) -> tuple[Route, ...]:
        refuse_all(
            detail(
                (number, "protocol"),
                route.protocol,
                '"TCP": require_encryption is true, and encrypted SIP knows no other',
            )
            for number, route in enumerate(value)
            if info.data.get("require_encryption") and route.protocol != "TCP"
        )
        return value


def _header_fault(_attribute: str, header: str, _place: Place) -> str | None:
    if not _SIP_HEADER.fullmatch(header):
        return 'a SIP header of at most 64 of A-Z a-z 0-9 -, beginning with "x-"'
    if header.lower().startswith(RESERVED_SIP_HEADERS):
        return f"another header: AWS keeps those that begin with {', '.join(RESERVED_SIP_HEADERS)}"
    return None


def _adopted_if(key: str) -> Discriminator:
    """Reads a table as the model of an existing thing where it has `key`, else as that of a new one."""

    def tag(value: Any) -> str:
        has = key in value if isinstance(value, Mapping) else hasattr(value, key)
        return "(existing)" if has else "(new)"

    return Discriminator(tag)


class SipBridge(TransportSection):
    """How calls reach Connect over SIP instead of by StartWebRTCContact.

    Rates are quotas of the Amazon Chime SDK, requests a second, and the bursts above them. `headers` maps
    attributes that callers may set to the SIP headers that carry them to the SIP host.
    """

    call_rate: Annotated[
        int,
        Whole(
            1,
            MAX_RATE,
            "calls a second; AWS gives 1 of CreateSipMediaApplicationCall unless your quota was raised",
            _QUOTAS,
        ),
    ] = 1
    """Starts of calls a second."""

    call_burst: Annotated[
        int, Whole(1, MAX_RATE, "calls at once; AWS documents no burst above the rate", _QUOTAS)
    ] = 1
    """Starts of calls at once."""

    control_rate: Annotated[
        int,
        Whole(
            1,
            MAX_RATE,
            "requests a second; AWS gives 5 of UpdateSipMediaApplicationCall unless your quota was raised",
            _QUOTAS,
        ),
    ] = 5
    """Hang-ups, rejoins and digits a second, each."""

    control_burst: Annotated[
        int, Whole(1, MAX_RATE, "requests at once; AWS documents no burst above the rate", _QUOTAS)
    ] = 5
    """Hang-ups, rejoins and digits at once, each."""

    headers: Annotated[
        Mapping[str, str],
        Entries(
            "for each of attributes.from_caller a SIP header of at most 64 of A-Z a-z 0-9 -, beginning with "
            '"x-"',
            _header_fault,
            _MAX_HEADERS,
            "headers travel with a call",
            'Amazon Chime SDK developer guide, "Using SIP headers"',
        ),
    ] = {}  # of a frozen model
    """Attributes of callers that the SIP host gets."""

    caller_number: Annotated[
        Annotated[AdoptedCallerNumber, Tag("(existing)")] | Annotated[OrderedCallerNumber, Tag("(new)")],
        _adopted_if("number"),
    ]
    """The number that calls come from."""

    connect_number: Annotated[
        Annotated[AdoptedConnectNumber, Tag("(existing)")] | Annotated[ClaimedConnectNumber, Tag("(new)")],
        _adopted_if("arn"),
    ]
    """The number of the instance that calls go to."""

    voice_connector: Annotated[
        Annotated[AdoptedVoiceConnector, Tag("(existing)")] | Annotated[OwnVoiceConnector, Tag("(new)")],
        _adopted_if("arn"),
    ]
    """The Voice Connector between the Amazon Chime SDK and the SIP host."""

    @field_validator("call_burst", "control_burst")
    @classmethod
    def _reaches_rate(cls, value: int, info: ValidationInfo) -> int:
        refuse_burst_below_rate(value, info)
        return value

    @field_validator("headers")
    @classmethod
    def _named_once(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        taken: set[str] = set()
        faults = []
        for attribute, header in value.items():
            if header.lower() in taken:
                faults.append(
                    detail((attribute,), header, "another header: it is that of another attribute already")
                )
            taken.add(header.lower())
        refuse_all(faults)
        return value

    @model_validator(mode="after")
    def _logs_without_attributes(self) -> Self:
        connector = self.voice_connector
        if isinstance(connector, OwnVoiceConnector) and connector.sip_message_logs and self.headers:
            refuse_all(
                [
                    detail(
                        ("voice_connector", "sip_message_logs"),
                        connector.sip_message_logs,
                        "false: the log would hold whole SIP messages, and so the attributes of callers that "
                        "[sip_bridge.headers] sends; or remove those",
                    )
                ]
            )
        return self

    def start_call_settings(self) -> Mapping[str, Any]:
        """The headers that start_call sends."""
        return {"headers": self.headers}

    cross_checks: ClassVar[tuple[CrossCheck, ...]]


def _check_region(region: str) -> Iterator[Fault]:
    if region not in SIP_MEDIA_APPLICATION_REGIONS:
        both = ", ".join(name for name in SIP_MEDIA_APPLICATION_REGIONS if name in IN_APP_CALLING_REGIONS)
        reason = (
            f"; CloudFormation has no type for them in {region}, so this app cannot deploy them there"
            if region in REGIONS_WITHOUT_TYPES
            else ""
        )
        yield Fault(
            key="region",
            value=region,
            fix=f"a Region with SIP media applications: {both}; or remove [sip_bridge]{reason}",
        )


def _check_headers(transport: Transport, attributes: Attributes) -> Iterator[Fault]:
    section = transport.section
    assert isinstance(section, SipBridge)  # noqa: S101  # whose checks these are
    for attribute, header in section.headers.items():
        if attribute not in attributes.from_caller:
            yield Fault(
                key=f"sip_bridge.headers.{attribute}",
                value=header,
                fix="one of the attributes.from_caller: "
                + (", ".join(attributes.from_caller) or "there are none, so remove it"),
            )


def _check_capabilities(capabilities: Capabilities) -> Iterator[Fault]:
    for name, allowed in capabilities.model_dump().items():
        if allowed:
            yield Fault(
                key=f"capabilities.{name}",
                value=True,
                fix="false: a telephone call carries sound alone; or remove [sip_bridge]",
            )


def _check_reference(calls: Calls) -> Iterator[Fault]:
    if calls.reference_seconds < _MIN_REFERENCE_SECONDS:
        yield Fault(
            key="calls.reference_seconds",
            value=calls.reference_seconds,
            fix=f"at least {_MIN_REFERENCE_SECONDS}: over the SIP bridge a call starts, rings and sends its "
            "code before the contact flow presents the reference; or remove [sip_bridge]",
        )


def _check_reserved_concurrency(transport: Transport, functions: Functions) -> Iterator[Fault]:
    section = transport.section
    assert isinstance(section, SipBridge)  # noqa: S101  # whose checks these are
    yield from refuse_fewer_executions(functions, section.call_burst, "sip_bridge.call_burst")


SipBridge.cross_checks = (
    _check_region,
    _check_headers,
    _check_capabilities,
    _check_reference,
    _check_reserved_concurrency,
)

SECTION = SipBridge
"""What `find_transports` finds."""


def section_of(configuration: Configuration) -> SipBridge:
    """The section of a configuration that has one."""
    transport = configuration.transport
    if transport is None or not isinstance(transport.section, SipBridge):
        raise ValueError(f"The configuration of {configuration.environment!r} has no [sip_bridge].")
    return transport.section
