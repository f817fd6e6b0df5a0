"""An AWS account with phone numbers, SIP rules, Voice Connectors, a Connect instance and secrets, in memory.

Every operation checks its parameters against AWS's model and can fail, before or after it has taken effect.
"""

# Operations and their parameters have AWS's names.
# ruff: noqa: N802, N803

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import botocore.session
from botocore import exceptions, xform_name
from botocore.validate import ParamValidator

PRODUCT = "SipMediaApplicationDialIn"
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:sip-host-AbCdEf"
PASSWORD = "SECRET-PASSWORD"


class KilledError(BaseException):
    """The function's time was up."""


@dataclass
class Fault:
    """Makes the account fail."""

    skip: int
    """How many calls go well first."""
    error: Callable[[str], BaseException]
    """Makes the error from the operation's name."""
    takes_effect: bool = False
    """Whether the operation is done before its answer is lost."""
    forever: bool = False
    """Whether every later call of the operation fails too."""
    operation: str | None = None
    """The only one that counts and fails; whichever comes, if None."""
    hits: int = 0


def refusal(code: str, operation: str, message: str = "Sorry.") -> exceptions.ClientError:
    return exceptions.ClientError({"Error": {"Code": code, "Message": message}}, operation)


def lost(operation: str) -> exceptions.ReadTimeoutError:
    return exceptions.ReadTimeoutError(endpoint_url=f"https://aws.example/{operation}")


def failing(operation: str) -> exceptions.ClientError:
    return refusal("ServiceFailureException", operation)


def killed(_operation: str) -> KilledError:
    return KilledError()


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


@cache
def _operations(service: str) -> dict[str, str]:
    """Method of a client to operation."""
    return {xform_name(name): name for name in _model(service).operation_names}


class FakeClient:
    """A botocore client of one service of the account."""

    def __init__(self, account: "FakeAccount", service: str) -> None:
        self._account = account
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return partial(self._call, _operations(self._service)[name])

    def _call(self, operation: str, **parameters: Any) -> Any:
        report = ParamValidator().validate(
            parameters, _model(self._service).operation_model(operation).input_shape
        )
        if report.has_errors():
            raise exceptions.ParamValidationError(report=report.generate_report())
        return self._account.call(operation, parameters)


@dataclass
class FakeAccount:
    """What the account holds."""

    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    connectors: dict[str, dict[str, Any]] = field(default_factory=dict)
    flows: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Connect's phone number id to instance and contact flow."""
    connect_numbers: set[str] = field(default_factory=lambda: {"connect-1", "connect-2"})
    secrets: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    now: float = 0.0
    order_takes: float = 20.0
    order_ends: str = "Successful"
    rule_takes: float = 3.0
    """Seconds in which a changed rule refuses the next change, and a number is not yet free of it."""
    page: int = 2
    offer: int = 100
    """How many more numbers AWS has to offer."""

    def client(self, service: str) -> FakeClient:
        return FakeClient(self, service)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def clock(self) -> float:
        return self.now

    def add_number(self, number: str, name: str = "", **more: Any) -> None:
        self.numbers[number] = {
            "PhoneNumberId": number.replace("+", "%2B"),
            "E164PhoneNumber": number,
            "Country": "US",
            "Type": "Local",
            "ProductType": PRODUCT,
            "Status": "Unassigned",
            "Name": name,
            **more,
        }

    def call(self, operation: str, parameters: dict[str, Any]) -> Any:
        self.calls.append(operation)
        fault = self._fault(operation)
        if fault is None:
            return getattr(self, f"_{operation}")(**parameters)
        if fault.takes_effect:
            getattr(self, f"_{operation}")(**parameters)
        raise fault.error(operation)

    def _fault(self, operation: str) -> Fault | None:
        for fault in self.faults:
            if fault.operation not in {operation, None}:
                continue
            if fault.skip:
                fault.skip -= 1
            elif fault.forever or not fault.hits:
                fault.hits += 1
                fault.operation = operation
                return fault
        return None

    # Phone numbers.

    def _SearchAvailablePhoneNumbers(
        self,
        *,
        Country: str,
        PhoneNumberType: str,
        MaxResults: int,
        **search: str,
    ) -> Any:
        if Country == "US" and not search:
            raise refusal("BadRequestException", "SearchAvailablePhoneNumbers")
        if search.get("State") == "CA" or search.get("TollFreePrefix") == "833":
            return {"E164PhoneNumbers": []}
        first = {"US": "+1206555", "GB": "+4420794", "DE": "+4930901"}[Country]
        kind = {"Local": "1", "TollFree": "8"}[PhoneNumberType]
        taken = len(self.numbers)
        numbers = [f"{first}{kind}{taken + each:03}" for each in range(self.offer)]
        return {"E164PhoneNumbers": numbers[:MaxResults]}

    def _CreatePhoneNumberOrder(
        self,
        *,
        ProductType: str,
        E164PhoneNumbers: list[str],
        Name: str,
    ) -> Any:
        (number,) = E164PhoneNumbers
        order_id = str(uuid.uuid4())
        country = {"+1": "US", "+4": "GB" if number.startswith("+44") else "DE"}[number[:2]]
        self.add_number(
            number,
            Name,
            Country=country,
            Type="TollFree" if number[-4] == "8" else "Local",
            ProductType=ProductType,
            Status="AcquireInProgress",
            OrderId=order_id,
        )
        self.orders[order_id] = {"number": number, "done_at": self.now + self.order_takes}
        return {"PhoneNumberOrder": {"PhoneNumberOrderId": order_id, "Status": "Processing"}}

    def _GetPhoneNumberOrder(self, *, PhoneNumberOrderId: str) -> Any:
        self._advance()
        order = self.orders[PhoneNumberOrderId]
        status = self.order_ends if self.now >= order["done_at"] else "Processing"
        return {"PhoneNumberOrder": {"PhoneNumberOrderId": PhoneNumberOrderId, "Status": status}}

    def _advance(self) -> None:
        for order in self.orders.values():
            number = self.numbers[order["number"]]
            if number["Status"] == "AcquireInProgress" and self.now >= order["done_at"]:
                number["Status"] = "Unassigned" if self.order_ends == "Successful" else "AcquireFailed"
        for number in self.numbers.values():
            if number["Status"] == "Assigned" and self.now >= number.get("free_at", float("inf")):
                number["Status"] = "Unassigned"
                del number["free_at"]

    def _GetPhoneNumber(self, *, PhoneNumberId: str) -> Any:
        self._advance()
        if PhoneNumberId not in self.numbers:
            raise refusal("NotFoundException", "GetPhoneNumber")
        return {"PhoneNumber": self._told(self.numbers[PhoneNumberId])}

    def _told(self, number: dict[str, Any]) -> dict[str, Any]:
        ruled = [
            rule_id
            for rule_id, rule in self.rules.items()
            if rule["TriggerValue"] == number["E164PhoneNumber"]
        ]
        associations = [{"Name": "SipRuleId", "Value": rule_id} for rule_id in ruled]
        return {**number, "Associations": number.get("Associations", associations)}

    def _ListPhoneNumbers(self, *, ProductType: str, NextToken: str = "0") -> Any:
        self._advance()
        numbers = [self._told(each) for each in self.numbers.values() if each["ProductType"] == ProductType]
        return self._page("PhoneNumbers", numbers, NextToken)

    def _page(self, member: str, found: list[Any], token: str) -> Any:
        start = int(token)
        following = start + self.page
        answer: dict[str, Any] = {member: found[start:following]}
        return answer | ({"NextToken": str(following)} if following < len(found) else {})

    def _DeletePhoneNumber(self, *, PhoneNumberId: str) -> Any:
        self._advance()
        if self.numbers[PhoneNumberId]["Status"] != "Unassigned":
            raise refusal("BadRequestException", "DeletePhoneNumber")
        self.numbers[PhoneNumberId] |= {"Status": "ReleaseInProgress", "DeletionTimestamp": self.now}
        return {}

    # SIP rules.

    def _ListSipRules(self, *, NextToken: str = "0") -> Any:
        return self._page("SipRules", [dict(rule) for rule in self.rules.values()], NextToken)

    def _CreateSipRule(self, **rule: Any) -> Any:
        self._advance()
        number = self.numbers.get(rule["TriggerValue"])
        if number is None or number["Status"] != "Unassigned":
            raise refusal("BadRequestException", "CreateSipRule")
        rule_id = str(uuid.uuid4())
        self.rules[rule_id] = {**rule, "SipRuleId": rule_id}
        number["Status"] = "Assigned"
        return {"SipRule": dict(self.rules[rule_id])}

    def _UpdateSipRule(self, *, SipRuleId: str, **changes: Any) -> Any:
        self._changed(SipRuleId, "UpdateSipRule")
        self.rules[SipRuleId] |= {**changes, "busy_until": self.now + self.rule_takes}
        return {"SipRule": dict(self.rules[SipRuleId])}

    def _DeleteSipRule(self, *, SipRuleId: str) -> Any:
        rule = self._changed(SipRuleId, "DeleteSipRule")
        if not rule["Disabled"]:
            raise refusal("BadRequestException", "DeleteSipRule")
        del self.rules[SipRuleId]
        self.numbers[rule["TriggerValue"]]["free_at"] = self.now + self.rule_takes
        return {}

    def _changed(self, rule_id: str, operation: str) -> dict[str, Any]:
        if rule_id not in self.rules:
            raise refusal("NotFoundException", operation)
        if self.now < self.rules[rule_id].get("busy_until", 0):
            raise refusal("ConflictException", operation)
        return self.rules[rule_id]

    # Voice Connectors.

    def _connector(self, connector_id: str) -> dict[str, Any]:
        if connector_id not in self.connectors:
            raise refusal("NotFoundException", "AnyVoiceConnectorOperation")
        return self.connectors[connector_id]

    def _PutVoiceConnectorTermination(
        self,
        *,
        VoiceConnectorId: str,
        Termination: Any,
    ) -> Any:
        self._connector(VoiceConnectorId)["termination"] = Termination
        return {}

    def _PutVoiceConnectorOrigination(
        self,
        *,
        VoiceConnectorId: str,
        Origination: Any,
    ) -> Any:
        self._connector(VoiceConnectorId)["origination"] = Origination
        return {}

    def _PutVoiceConnectorLoggingConfiguration(
        self,
        *,
        VoiceConnectorId: str,
        LoggingConfiguration: Any,
    ) -> Any:
        self._connector(VoiceConnectorId)["logging"] = LoggingConfiguration["EnableSIPLogs"]
        return {}

    def _PutVoiceConnectorTerminationCredentials(
        self,
        *,
        VoiceConnectorId: str,
        Credentials: Any,
    ) -> Any:
        connector = self._connector(VoiceConnectorId)
        if "termination" not in connector:
            raise refusal("NotFoundException", "PutVoiceConnectorTerminationCredentials")
        for each in Credentials:
            connector.setdefault("credentials", {})[each["Username"]] = each["Password"]
        return {}

    def _ListVoiceConnectorTerminationCredentials(self, *, VoiceConnectorId: str) -> Any:
        return {"Usernames": list(self._connector(VoiceConnectorId).get("credentials", {}))}

    def _DeleteVoiceConnectorTerminationCredentials(
        self,
        *,
        VoiceConnectorId: str,
        Usernames: list[str],
    ) -> Any:
        for username in Usernames:
            del self._connector(VoiceConnectorId)["credentials"][username]
        return {}

    def _DeleteVoiceConnectorTermination(self, *, VoiceConnectorId: str) -> Any:
        if self._connector(VoiceConnectorId).pop("termination", None) is None:
            raise refusal("NotFoundException", "DeleteVoiceConnectorTermination")
        return {}

    def _DeleteVoiceConnectorOrigination(self, *, VoiceConnectorId: str) -> Any:
        if self._connector(VoiceConnectorId).pop("origination", None) is None:
            raise refusal("NotFoundException", "DeleteVoiceConnectorOrigination")
        return {}

    # Amazon Connect and Secrets Manager.

    def _AssociatePhoneNumberContactFlow(
        self,
        *,
        PhoneNumberId: str,
        InstanceId: str,
        ContactFlowId: str,
    ) -> Any:
        if PhoneNumberId not in self.connect_numbers:
            raise refusal("ResourceNotFoundException", "AssociatePhoneNumberContactFlow")
        self.flows[PhoneNumberId] = (InstanceId, ContactFlowId)
        return {}

    def _DisassociatePhoneNumberContactFlow(self, *, PhoneNumberId: str, InstanceId: str) -> Any:
        assert InstanceId
        if PhoneNumberId not in self.connect_numbers:
            raise refusal("InvalidParameterException", "DisassociatePhoneNumberContactFlow")
        if self.flows.pop(PhoneNumberId, None) is None:
            raise refusal("ResourceNotFoundException", "DisassociatePhoneNumberContactFlow")
        return {}

    def _GetSecretValue(self, *, SecretId: str) -> Any:
        if SecretId not in self.secrets:
            raise refusal("ResourceNotFoundException", "GetSecretValue")
        return {"SecretString": self.secrets[SecretId]}
