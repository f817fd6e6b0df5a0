"""The Amazon Chime SDK's telephony: phone numbers, SIP rules, SIP media applications, Voice Connectors.

Independent of MiniStack. Its calls are `SipCalls`; what dials a number reaches comes as `ring`.
Facts about the real service: the Amazon Chime SDK API reference, "Editing Voice Connector settings" in its
administrator guide.

A call to a Voice Connector is a call to the SIP host that its origination routes name. Here that host is
played by one that sends each call on through the same Voice Connector's termination, with its credentials.

Assumed, because AWS does not say it:

- A SIP rule that is not disabled, an application that a rule leads to, and a number that a rule has are not
  deleted: ConflictException, or BadRequestException for the number.
- A number in the deletion queue is found by its id, with a DeletionTimestamp, and not listed.
- Settings of a Voice Connector that were never made, or deleted, are not found, except its logging.
- PhoneNumberId is the number in E.164 with %2B for its plus, and is taken in either spelling.

Not emulated: quotas (but that of calls at a time), proxy sessions, groups, emergency calls, streaming.
"""

import ipaddress
import re
import secrets
import string
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from local.emulator.aws_service import AwsError, Parameters
from local.emulator.connect.contact import now, present
from local.sip_bridge.phone_numbers import (
    CALLING_CODES,
    MEETING_NUMBER,
    NumberSupply,
    countries_of,
    country_of,
)
from local.sip_bridge.sip_actions import ActionFailedError, check_headers
from local.sip_bridge.sip_calls import Application, FarEnd, SipCalls

ORDER_TAKES = timedelta(seconds=0.5)
DIAL_IN = "SipMediaApplicationDialIn"
VOICE_CONNECTOR_REGIONS = frozenset(
    {
        "us-east-1", "us-west-2", "ca-central-1", "eu-central-1", "eu-west-1", "eu-west-2", "ap-northeast-1",
        "ap-northeast-2", "ap-southeast-1", "ap-southeast-2",
    }
)  # fmt: skip
MAX_ROUTES = 10
MIN_PREFIX_LENGTH = 27  # the least prefix length of an address range that may call out

Ring = Callable[[str, str, Callable[[], None]], FarEnd | None]

# Of the filters for numbers of the US, places that have numbers here.
_AREA_CODES = {
    "CA": "213", "TX": "214", "FL": "305", "NY": "212", "IL": "312", "WA": "206", "GA": "404", "OH": "216",
}  # fmt: skip
_HOST_NAME = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)
_JOINING = ("x-chime-join-token", "x-chime-meeting-id")
_BAD, _MISSING, _CONFLICT = "BadRequestException", "NotFoundException", "ConflictException"


@dataclass
class _Number:
    """A number of the inventory."""

    number: str
    country: str
    product: str
    order_id: str
    name: str
    acquired_at: datetime
    created: datetime = field(default_factory=now)
    deleted: datetime | None = None

    @property
    def id(self) -> str:
        return quote(self.number, safe="")

    @property
    def is_held(self) -> bool:
        return self.deleted is None and now() >= self.acquired_at


@dataclass
class _Order:
    """An order of numbers."""

    id: str
    product: str
    numbers: list[str]
    created: datetime
    done_at: datetime

    @property
    def members(self) -> dict[str, Any]:
        is_done = now() >= self.done_at
        return {
            "PhoneNumberOrderId": self.id,
            "ProductType": self.product,
            "Status": "Successful" if is_done else "Processing",
            "OrderType": "New",
            "OrderedPhoneNumbers": [
                {"E164PhoneNumber": number, "Status": "Acquired" if is_done else "Processing"}
                for number in self.numbers
            ],
            "CreatedTimestamp": self.created,
            "UpdatedTimestamp": self.done_at if is_done else self.created,
        }


@dataclass
class _Resource:
    """A SIP media application, SIP rule or Voice Connector: `members` are as the API spells them."""

    id: str
    members: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class _VoiceConnector(_Resource):
    """A Voice Connector and its settings, None while there are none."""

    termination: Mapping[str, Any] | None = None
    origination: Mapping[str, Any] | None = None
    credentials: dict[str, str] = field(default_factory=dict)
    logging: Mapping[str, Any] = field(
        default_factory=lambda: {"EnableSIPLogs": False, "EnableMediaMetricLogs": False}
    )


class Voice:
    """The behaviour of the service `chime-sdk-voice`."""

    def __init__(
        self, *, region: str, account: str, numbers: NumberSupply, calls: SipCalls, ring: Ring
    ) -> None:
        """`numbers` are those that can be ordered; `ring` dials one of the telephone network."""
        self._region = region
        self._account = account
        self._supply = numbers
        self._calls = calls
        self._ring = ring
        self._numbers: dict[str, _Number] = {}  # by E.164
        self._orders: dict[str, _Order] = {}
        self._applications: dict[str, _Resource] = {}
        self._rules: dict[str, _Resource] = {}
        self._connectors: dict[str, _VoiceConnector] = {}
        self._lock = threading.RLock()

    # Phone numbers

    def search_available_phone_numbers(self, parameters: Parameters) -> Mapping[str, Any]:
        """SearchAvailablePhoneNumbers; those of the US only by place or toll-free prefix, as on AWS."""
        country = parameters.get("Country", "US")
        prefix = parameters.get("TollFreePrefix")
        area_code = parameters.get("AreaCode") or prefix or _AREA_CODES.get(parameters.get("State", ""), "")
        if country not in CALLING_CODES:
            raise AwsError(_BAD, f"There are no numbers of {country}.")
        if country == "US" and not parameters.keys() & {"AreaCode", "City", "State", "TollFreePrefix"}:
            raise AwsError(_BAD, "For US numbers, give AreaCode, City and State, State, or TollFreePrefix.")
        if "City" in parameters and "State" not in parameters:
            raise AwsError(_BAD, "With City, give State.")
        if country != "US" and "PhoneNumberType" not in parameters:
            raise AwsError(_BAD, "For numbers outside the US, give PhoneNumberType.")
        if country == "US" and not area_code:
            return {"E164PhoneNumbers": []}
        found = self._supply.available(
            country,
            toll_free=bool(prefix) or parameters.get("PhoneNumberType") == "TollFree",
            limit=parameters.get("MaxResults", 10),
            area_code=area_code if country == "US" else "",
        )
        return {"E164PhoneNumbers": found}

    def create_phone_number_order(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreatePhoneNumberOrder: the numbers are the account's a moment later."""
        wanted, product = parameters["E164PhoneNumbers"], parameters["ProductType"]
        for number in wanted:
            if country_of(number) is None:
                raise AwsError(_BAD, f"Not available: {number}")
            if product != DIAL_IN and country_of(number) != "US":
                raise AwsError(_BAD, f"Numbers outside the US are of the product type {DIAL_IN}.")
        with self._lock:
            taken = [number for number in wanted if self._supply.take(number)]
            if taken != wanted:
                for number in taken:
                    self._supply.give_back(number)
                raise AwsError(_BAD, f"Not available: {', '.join(sorted(set(wanted) - set(taken)))}")
            order = _Order(str(uuid.uuid4()), product, taken, now(), now() + ORDER_TAKES)
            self._orders[order.id] = order
            for number in taken:
                country, name = country_of(number) or "", parameters.get("Name", "")
                self._numbers[number] = _Number(number, country, product, order.id, name, order.done_at)
        return {"PhoneNumberOrder": order.members}

    def get_phone_number_order(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetPhoneNumberOrder."""
        order = self._orders.get(parameters["PhoneNumberOrderId"])
        if order is None:
            raise AwsError(_MISSING, f"There is no order {parameters['PhoneNumberOrderId']}.")
        return {"PhoneNumberOrder": order.members}

    def list_phone_number_orders(self, _parameters: Parameters) -> Mapping[str, Any]:
        """ListPhoneNumberOrders, all on one page."""
        return {"PhoneNumberOrders": [order.members for order in self._orders.values()]}

    def list_phone_numbers(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListPhoneNumbers, all on one page; without those in the deletion queue."""
        found = [self._described(number) for number in self._numbers.values() if number.deleted is None]
        for name in ("Status", "ProductType"):
            if name in parameters:
                found = [number for number in found if number[name] == parameters[name]]
        if "FilterName" in parameters:
            wanted = (parameters["FilterName"], parameters.get("FilterValue"))
            found = [
                number
                for number in found
                if wanted in {(each["Name"], each["Value"]) for each in number.get("Associations", [])}
            ]
        return {"PhoneNumbers": found}

    def get_phone_number(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetPhoneNumber."""
        return {"PhoneNumber": self._described(self._number(parameters))}

    def update_phone_number(self, parameters: Parameters) -> Mapping[str, Any]:
        """UpdatePhoneNumber: one detail at a time, the calling name not among them."""
        number = self._number(parameters)
        changed = parameters.keys() & {"ProductType", "CallingName", "Name"}
        if len(changed) != 1 or "CallingName" in changed or not number.is_held:
            raise AwsError(_BAD, "Give one of ProductType and Name, of a number that the account has.")
        if "ProductType" in parameters and self._rules_of(number):
            raise AwsError(_CONFLICT, f"A SIP rule has {number.number}.")
        number.product = parameters.get("ProductType", number.product)
        number.name = parameters.get("Name", number.name)
        return {"PhoneNumber": self._described(number)}

    def delete_phone_number(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeletePhoneNumber: into the deletion queue."""
        with self._lock:
            number = self._number(parameters)
            if self._rules_of(number):
                raise AwsError(_BAD, f"A SIP rule has {number.number}: delete that first.")
            if number.deleted is not None:
                raise AwsError(_MISSING, f"{number.number} is in the deletion queue already.")
            number.deleted = now()
        return {}

    def owns(self, phone_number: str) -> bool:
        """Whether the account has the number."""
        number = self._numbers.get(phone_number)
        return number is not None and number.is_held

    def _number(self, parameters: Parameters) -> _Number:
        spelled = unquote(parameters["PhoneNumberId"])
        number = self._numbers.get(spelled) or self._numbers.get(f"+{spelled}")
        if number is None:
            raise AwsError(_MISSING, f"There is no number {spelled} in the inventory.")
        return number

    def _rules_of(self, number: _Number) -> list[_Resource]:
        return [rule for rule in self._rules.values() if rule.members["TriggerValue"] == number.number]

    def _described(self, number: _Number) -> dict[str, Any]:
        rules = self._rules_of(number)
        status = "Assigned" if rules else "Unassigned"
        if number.deleted:
            status = "DeleteInProgress"
        elif not number.is_held:
            status = "AcquireInProgress"
        associated = [
            {
                "Name": "SipRuleId",
                "Value": rule.id,
                "AssociatedTimestamp": rule.members["CreatedTimestamp"],
            }
            for rule in rules
        ]
        is_local = not re.match(r"\+1(8[0345678]{2})|\+44808", number.number)
        return present({
            "PhoneNumberId": number.id,
            "E164PhoneNumber": number.number,
            "PhoneNumberArn": f"arn:aws:chime:{self._region}:{self._account}:phone-number/{number.id}",
            "Country": number.country,
            "Type": "Local" if is_local else "TollFree",
            "ProductType": number.product,
            "Status": status,
            "Capabilities": {"InboundCall": True, "OutboundCall": True},
            "Associations": associated,
            "CreatedTimestamp": number.created,
            "UpdatedTimestamp": number.deleted or number.created,
            "DeletionTimestamp": number.deleted and number.deleted + timedelta(days=7),
            "OrderId": number.order_id,
            "Name": number.name,
        })  # fmt: skip

    # SIP rules

    def create_sip_rule(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateSipRule: a number, or a Voice Connector's host, leads to applications."""
        with self._lock:
            self._check_trigger(parameters["TriggerType"], parameters["TriggerValue"])
            self._check_targets(parameters["TargetApplications"])
            rule_id, created = str(uuid.uuid4()), now()
            members = {
                "SipRuleId": rule_id,
                "Name": parameters["Name"],
                "Disabled": parameters.get("Disabled", False),
                "TriggerType": parameters["TriggerType"],
                "TriggerValue": parameters["TriggerValue"],
                "TargetApplications": parameters["TargetApplications"],
                "CreatedTimestamp": created,
                "UpdatedTimestamp": created,
            }
            self._rules[rule_id] = _Resource(rule_id, members)
        return {"SipRule": members}

    def get_sip_rule(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetSipRule."""
        return {"SipRule": _found(self._rules, parameters["SipRuleId"]).members}

    def list_sip_rules(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListSipRules, all on one page."""
        wanted = parameters.get("SipMediaApplicationId")
        rules = [rule.members for rule in self._rules.values() if wanted is None or _leads_to(rule, wanted)]
        return {"SipRules": rules}

    def update_sip_rule(self, parameters: Parameters) -> Mapping[str, Any]:
        """UpdateSipRule: what triggers it stays."""
        with self._lock:
            rule = _found(self._rules, parameters["SipRuleId"])
            if "TargetApplications" in parameters:
                self._check_targets(parameters["TargetApplications"])
            changed = parameters.keys() & {"Name", "Disabled", "TargetApplications"}
            rule.members |= {name: parameters[name] for name in changed} | {"UpdatedTimestamp": now()}
        return {"SipRule": rule.members}

    def delete_sip_rule(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeleteSipRule, of one that is disabled."""
        with self._lock:
            rule = _found(self._rules, parameters["SipRuleId"])
            if not rule.members["Disabled"]:
                raise AwsError(_CONFLICT, "The SIP rule is not disabled.")
            del self._rules[rule.id]
        return {}

    def _check_trigger(self, trigger_type: str, value: str) -> None:
        if any(rule.members["TriggerValue"] == value for rule in self._rules.values()):
            raise AwsError(_CONFLICT, f"Another SIP rule has {value}.")
        if trigger_type == "ToPhoneNumber":
            number = self._numbers.get(value)
            if number is None or not number.is_held or number.product != DIAL_IN:
                raise AwsError(_BAD, f"{value} is no number of the inventory of the product type {DIAL_IN}.")
        elif value not in {each.members["OutboundHostName"] for each in self._connectors.values()}:
            raise AwsError(_BAD, f"{value} is no Voice Connector's outbound host name.")

    def _check_targets(self, targets: list[Mapping[str, Any]]) -> None:
        regions = [target.get("AwsRegion") for target in targets]
        if len(set(regions)) < len(regions) or None in regions:
            raise AwsError(_BAD, "TargetApplications: each in a Region of its own.")
        for target in targets:
            found = self._applications.get(target.get("SipMediaApplicationId", ""))
            if target["AwsRegion"] == self._region and found is None:
                raise AwsError(_BAD, f"There is no application {target.get('SipMediaApplicationId')}.")
            if "Priority" not in target:
                raise AwsError(_BAD, "TargetApplications: Priority is missing.")

    # SIP media applications

    def create_sip_media_application(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateSipMediaApplication."""
        self._check_endpoint(parameters["Endpoints"])
        if parameters["AwsRegion"] != self._region:
            raise AwsError(_BAD, f"AwsRegion is {parameters['AwsRegion']!r}, not {self._region!r}.")
        application_id, created = str(uuid.uuid4()), now()
        members = {
            "SipMediaApplicationId": application_id,
            "AwsRegion": parameters["AwsRegion"],
            "Name": parameters["Name"],
            "Endpoints": parameters["Endpoints"],
            "CreatedTimestamp": created,
            "UpdatedTimestamp": created,
            "SipMediaApplicationArn": f"arn:aws:chime:{self._region}:{self._account}:sma/{application_id}",
        }
        self._applications[application_id] = _Resource(application_id, members, _tags(parameters))
        return {"SipMediaApplication": members}

    def get_sip_media_application(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetSipMediaApplication."""
        return {"SipMediaApplication": self._application(parameters).members}

    def list_sip_media_applications(self, _parameters: Parameters) -> Mapping[str, Any]:
        """ListSipMediaApplications, all on one page."""
        return {"SipMediaApplications": [each.members for each in self._applications.values()]}

    def update_sip_media_application(self, parameters: Parameters) -> Mapping[str, Any]:
        """UpdateSipMediaApplication: calls under way keep the function that they began with."""
        application = self._application(parameters)
        self._check_endpoint(parameters.get("Endpoints", application.members["Endpoints"]))
        changed = parameters.keys() & {"Name", "Endpoints"}
        application.members |= {name: parameters[name] for name in changed} | {"UpdatedTimestamp": now()}
        return {"SipMediaApplication": application.members}

    def delete_sip_media_application(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeleteSipMediaApplication, of one that no rule leads to."""
        with self._lock:
            application = self._application(parameters)
            if any(_leads_to(rule, application.id) for rule in self._rules.values()):
                raise AwsError(_CONFLICT, "A SIP rule leads to the application.")
            del self._applications[application.id]
        return {}

    def _application(self, parameters: Parameters) -> _Resource:
        return _found(self._applications, parameters["SipMediaApplicationId"])

    def _check_endpoint(self, endpoints: list[Mapping[str, Any]]) -> None:
        arn = endpoints[0].get("LambdaArn", "")
        if not arn.startswith(f"arn:aws:lambda:{self._region}:{self._account}:function:"):
            raise AwsError(_BAD, f"LambdaArn: {arn!r} is no function of this account and Region.")

    # Calls

    def create_sip_media_application_call(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateSipMediaApplicationCall: what becomes of the call, its function receives."""
        application = self._applications.get(parameters["SipMediaApplicationId"])
        if application is None:
            raise AwsError(_BAD, f"There is no application {parameters['SipMediaApplicationId']}.")
        caller, headers = parameters["FromPhoneNumber"], parameters.get("SipHeaders", {})
        if not self.owns(caller) or self._numbers[caller].product != DIAL_IN:
            raise AwsError(_BAD, f"{caller} is no number of the inventory of the product type {DIAL_IN}.")
        lower = {name.lower() for name in headers}
        if parameters["ToPhoneNumber"] == MEETING_NUMBER and not lower >= set(_JOINING):
            raise AwsError(_BAD, f"SipHeaders: {' and '.join(_JOINING)} say which meeting to join.")
        try:
            check_headers(headers, goes_to_aws=True)
        except ActionFailedError as error:
            raise AwsError(_BAD, error.message) from error
        members = application.members
        transaction_id = self._calls.start(
            Application(
                id=application.id,
                arn=members["SipMediaApplicationArn"],
                function_arn=members["Endpoints"][0]["LambdaArn"],
                region=self._region,
                account=self._account,
            ),
            caller=caller,
            to=parameters["ToPhoneNumber"],
            headers=headers,
            arguments=parameters.get("ArgumentsMap", {}),
        )
        if transaction_id is None:
            raise AwsError("ResourceLimitExceededException", "There are too many calls under way.")
        return {"SipMediaApplicationCall": {"TransactionId": transaction_id}}

    def update_sip_media_application_call(self, parameters: Parameters) -> Mapping[str, Any]:
        """UpdateSipMediaApplicationCall: the function is invoked for other actions, some time later."""
        call = parameters["SipMediaApplicationId"], parameters["TransactionId"]
        if not self._calls.update(*call, parameters["Arguments"]):
            raise AwsError(_MISSING, f"There is no call {parameters['TransactionId']} under way.")
        return {"SipMediaApplicationCall": {"TransactionId": parameters["TransactionId"]}}

    def ring(self, number: str, caller: str, over: Callable[[], None]) -> FarEnd | str:
        """Dial a number of the telephone network, or why nobody answers there."""
        return self._ring(number, caller, over) or f"nobody answers at {number}"

    def ring_through(
        self, voice_connector_arn: str, user: str, caller: str, over: Callable[[], None]
    ) -> FarEnd | str:
        """Dial through a Voice Connector: to its SIP host, from there through its termination to the number.

        Returns why nobody answers; raises ActionFailedError where there is no such Voice Connector.
        """
        found = [
            each
            for each in self._connectors.values()
            if each.members["VoiceConnectorArn"] == voice_connector_arn
        ]
        if not found:
            why = f"there is no Voice Connector {voice_connector_arn}"
            raise ActionFailedError("InvalidActionParameter", "Endpoint parameter is invalid.", why)
        origination, termination = found[0].origination or {}, found[0].termination or {}
        if origination.get("Disabled") or not origination.get("Routes"):
            return "the Voice Connector's origination is disabled or has no routes"
        if termination.get("Disabled") or not termination.get("CidrAllowedList"):
            return "the Voice Connector's termination is disabled or lets no address in"
        if not found[0].credentials:
            return "the Voice Connector's termination has no credentials for the SIP host"
        if not countries_of(user) & set(termination.get("CallingRegions", [])):
            return f"the Voice Connector's termination does not allow calls to {user}"
        return self.ring(user, caller, over)

    # Voice Connectors

    def create_voice_connector(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateVoiceConnector."""
        region = parameters.get("AwsRegion", self._region)
        if region != self._region or region not in VOICE_CONNECTOR_REGIONS:
            raise AwsError(_BAD, f"AwsRegion: there are no Voice Connectors in {region} here.")
        connector_id, created = _voice_connector_id(), now()
        members = {
            "VoiceConnectorId": connector_id,
            "AwsRegion": region,
            "Name": parameters["Name"],
            "OutboundHostName": f"{connector_id}.voiceconnector.chime.aws",
            "RequireEncryption": parameters["RequireEncryption"],
            "CreatedTimestamp": created,
            "UpdatedTimestamp": created,
            "VoiceConnectorArn": f"arn:aws:chime:{self._region}:{self._account}:vc/{connector_id}",
            "NetworkType": parameters.get("NetworkType", "IPV4_ONLY"),
        }
        self._connectors[connector_id] = _VoiceConnector(connector_id, members, _tags(parameters))
        return {"VoiceConnector": members}

    def get_voice_connector(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetVoiceConnector."""
        return {"VoiceConnector": self._connector(parameters).members}

    def list_voice_connectors(self, _parameters: Parameters) -> Mapping[str, Any]:
        """ListVoiceConnectors, all on one page."""
        return {"VoiceConnectors": [each.members for each in self._connectors.values()]}

    def update_voice_connector(self, parameters: Parameters) -> Mapping[str, Any]:
        """UpdateVoiceConnector."""
        connector = self._connector(parameters)
        connector.members |= {
            "Name": parameters["Name"],
            "RequireEncryption": parameters["RequireEncryption"],
            "UpdatedTimestamp": now(),
        }
        return {"VoiceConnector": connector.members}

    def delete_voice_connector(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeleteVoiceConnector."""
        connector = self._connector(parameters)
        host = connector.members["OutboundHostName"]
        if any(rule.members["TriggerValue"] == host for rule in self._rules.values()):
            raise AwsError(_CONFLICT, "A SIP rule has the Voice Connector's host.")
        del self._connectors[connector.id]
        return {}

    def put_voice_connector_termination(self, parameters: Parameters) -> Mapping[str, Any]:
        """PutVoiceConnectorTermination: who may call out, whereto and how often."""
        connector, termination = self._connector(parameters), parameters["Termination"]
        for cidr in termination.get("CidrAllowedList", []):
            _check_cidr(cidr)
        for region in termination.get("CallingRegions", []):
            if not re.fullmatch(r"[A-Z]{2}", region):
                raise AwsError(_BAD, f"CallingRegions: {region!r} is no country.")
        default = termination.get("DefaultPhoneNumber")
        if default is not None and not self.owns(default):
            raise AwsError(_BAD, f"DefaultPhoneNumber: {default} is not in the inventory.")
        connector.termination = {"CpsLimit": 1, "Disabled": False, **termination}
        return {"Termination": connector.termination}

    def get_voice_connector_termination(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetVoiceConnectorTermination."""
        return {"Termination": _there(self._connector(parameters).termination, "termination")}

    def delete_voice_connector_termination(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeleteVoiceConnectorTermination."""
        connector = self._connector(parameters)
        _there(connector.termination, "termination")
        connector.termination = None
        return {}

    def put_voice_connector_origination(self, parameters: Parameters) -> Mapping[str, Any]:
        """PutVoiceConnectorOrigination: the SIP hosts that calls from AWS go to."""
        connector, origination = self._connector(parameters), parameters["Origination"]
        routes = origination.get("Routes", [])
        if len(routes) > MAX_ROUTES:
            raise AwsError(_BAD, f"{len(routes)} routes, at most {MAX_ROUTES} allowed.")
        for route in routes:
            _check_route(route, is_encrypted=connector.members["RequireEncryption"])
        connector.origination = {"Disabled": False, **origination}
        return {"Origination": connector.origination}

    def get_voice_connector_origination(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetVoiceConnectorOrigination."""
        return {"Origination": _there(self._connector(parameters).origination, "origination")}

    def delete_voice_connector_origination(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeleteVoiceConnectorOrigination."""
        connector = self._connector(parameters)
        _there(connector.origination, "origination")
        connector.origination = None
        return {}

    def put_voice_connector_termination_credentials(self, parameters: Parameters) -> Mapping[str, Any]:
        """PutVoiceConnectorTerminationCredentials: further ones, or another password."""
        connector = self._connector(parameters)
        for credential in parameters.get("Credentials", []):
            if not credential.get("Username") or not credential.get("Password"):
                raise AwsError(_BAD, "Credentials: Username and Password.")
            connector.credentials[credential["Username"]] = credential["Password"]
        return {}

    def list_voice_connector_termination_credentials(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListVoiceConnectorTerminationCredentials: the names alone."""
        return {"Usernames": list(self._connector(parameters).credentials)}

    def delete_voice_connector_termination_credentials(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeleteVoiceConnectorTerminationCredentials."""
        connector = self._connector(parameters)
        for username in parameters["Usernames"]:
            connector.credentials.pop(username, None)
        return {}

    def put_voice_connector_logging_configuration(self, parameters: Parameters) -> Mapping[str, Any]:
        """PutVoiceConnectorLoggingConfiguration: kept; no logs are written here."""
        connector = self._connector(parameters)
        off = {"EnableSIPLogs": False, "EnableMediaMetricLogs": False}
        connector.logging = {**off, **parameters["LoggingConfiguration"]}
        return {"LoggingConfiguration": connector.logging}

    def get_voice_connector_logging_configuration(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetVoiceConnectorLoggingConfiguration."""
        return {"LoggingConfiguration": self._connector(parameters).logging}

    def _connector(self, parameters: Parameters) -> _VoiceConnector:
        return _found(self._connectors, parameters["VoiceConnectorId"])

    # Tags

    def list_tags_for_resource(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListTagsForResource."""
        tags = self._tagged(parameters).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}

    def tag_resource(self, parameters: Parameters) -> Mapping[str, Any]:
        """TagResource."""
        self._tagged(parameters).tags |= _tags(parameters)
        return {}

    def untag_resource(self, parameters: Parameters) -> Mapping[str, Any]:
        """UntagResource."""
        resource = self._tagged(parameters)
        for key in parameters["TagKeys"]:
            resource.tags.pop(key, None)
        return {}

    def _tagged(self, parameters: Parameters) -> _Resource:
        resource_id = parameters["ResourceARN"].rpartition("/")[2]
        return _found({**self._applications, **self._connectors}, resource_id)


def _found[R](resources: Mapping[str, R], resource_id: str) -> R:
    if resource_id not in resources:
        raise AwsError(_MISSING, f"There is no {resource_id}.")
    return resources[resource_id]


def _there(settings: Mapping[str, Any] | None, what: str) -> Mapping[str, Any]:
    if settings is None:
        raise AwsError(_MISSING, f"The Voice Connector has no {what} settings.")
    return settings


def _leads_to(rule: _Resource, application_id: str) -> bool:
    return any(
        target["SipMediaApplicationId"] == application_id for target in rule.members["TargetApplications"]
    )


def _tags(parameters: Parameters) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in parameters.get("Tags", [])}


def _voice_connector_id() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(22))


def _check_cidr(cidr: str) -> None:
    try:
        network = ipaddress.ip_network(cidr)
    except ValueError as error:
        raise AwsError(_BAD, f"CidrAllowedList: {cidr!r} is no range of addresses.") from error
    if not network.is_global or network.prefixlen < MIN_PREFIX_LENGTH:
        raise AwsError(_BAD, f"CidrAllowedList: {cidr} is not public, or wider than /{MIN_PREFIX_LENGTH}.")


def _check_route(route: Mapping[str, Any], *, is_encrypted: bool) -> None:
    if missing := {"Host", "Port", "Protocol", "Priority", "Weight"} - route.keys():
        raise AwsError(_BAD, f"Routes: {', '.join(sorted(missing))} missing.")
    if is_encrypted and route["Protocol"] != "TCP":
        raise AwsError(_BAD, "Routes: an encrypted Voice Connector's protocol is TCP.")
    try:
        is_public = ipaddress.ip_address(route["Host"]).is_global
    except ValueError:
        is_public = _HOST_NAME.fullmatch(route["Host"]) is not None
    if not is_public:
        raise AwsError(_BAD, f"Routes: {route['Host']!r} is neither a public address nor a host name.")
