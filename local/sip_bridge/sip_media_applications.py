"""SIP media applications, the rules that lead to them, their calls. Part of the service `chime-sdk-voice`."""

import threading
import uuid
from collections.abc import Mapping
from typing import Any

from local.emulator.aws_service import AwsError, Parameters
from local.emulator.connect.contact import now
from local.sip_bridge.phone_number_inventory import DIAL_IN, PhoneNumberInventory
from local.sip_bridge.phone_numbers import MEETING_NUMBER
from local.sip_bridge.sip_actions import ActionFailedError, check_headers
from local.sip_bridge.sip_calls import Application, SipCalls
from local.sip_bridge.voice_connectors import VoiceConnectors
from local.sip_bridge.voice_resources import BAD, CONFLICT, MISSING, Rules, VoiceResource, find, tags_of

_JOINING = ("x-chime-join-token", "x-chime-meeting-id")


class SipMediaApplications:
    """All applications and rules."""

    def __init__(
        self,
        rules: Rules,
        numbers: PhoneNumberInventory,
        connectors: VoiceConnectors,
        calls: SipCalls,
        *,
        region: str,
        account: str,
    ) -> None:
        self._rules = rules
        self._numbers = numbers
        self._connectors = connectors
        self._calls = calls
        self._region = region
        self._account = account
        self._applications: dict[str, VoiceResource] = {}
        self._lock = threading.RLock()

    @property
    def resources(self) -> Mapping[str, VoiceResource]:
        """The applications by id."""
        return self._applications

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
            self._rules[rule_id] = VoiceResource(rule_id, members)
        return {"SipRule": members}

    def get_sip_rule(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetSipRule."""
        return {"SipRule": find(self._rules, parameters["SipRuleId"]).members}

    def list_sip_rules(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListSipRules, all on one page."""
        wanted = parameters.get("SipMediaApplicationId")
        rules = [rule.members for rule in self._rules.values() if wanted is None or _leads_to(rule, wanted)]
        return {"SipRules": rules}

    def update_sip_rule(self, parameters: Parameters) -> Mapping[str, Any]:
        """UpdateSipRule: what triggers it stays."""
        with self._lock:
            rule = find(self._rules, parameters["SipRuleId"])
            if "TargetApplications" in parameters:
                self._check_targets(parameters["TargetApplications"])
            changed = parameters.keys() & {"Name", "Disabled", "TargetApplications"}
            rule.members |= {name: parameters[name] for name in changed} | {"UpdatedTimestamp": now()}
        return {"SipRule": rule.members}

    def delete_sip_rule(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeleteSipRule, of one that is disabled."""
        with self._lock:
            rule = find(self._rules, parameters["SipRuleId"])
            if not rule.members["Disabled"]:
                raise AwsError(CONFLICT, "The SIP rule is not disabled.")
            del self._rules[rule.id]
        return {}

    def _check_trigger(self, trigger_type: str, value: str) -> None:
        if any(rule.members["TriggerValue"] == value for rule in self._rules.values()):
            raise AwsError(CONFLICT, f"Another SIP rule has {value}.")
        if trigger_type == "ToPhoneNumber":
            if not self._numbers.can_dial_in(value):
                raise AwsError(BAD, f"{value} is no number of the inventory of the product type {DIAL_IN}.")
        elif value not in self._connectors.host_names:
            raise AwsError(BAD, f"{value} is no Voice Connector's outbound host name.")

    def _check_targets(self, targets: list[Mapping[str, Any]]) -> None:
        regions = [target.get("AwsRegion") for target in targets]
        if len(set(regions)) < len(regions) or None in regions:
            raise AwsError(BAD, "TargetApplications: each in a Region of its own.")
        for target in targets:
            found = self._applications.get(target.get("SipMediaApplicationId", ""))
            if target["AwsRegion"] == self._region and found is None:
                raise AwsError(BAD, f"There is no application {target.get('SipMediaApplicationId')}.")
            if "Priority" not in target:
                raise AwsError(BAD, "TargetApplications: Priority is missing.")

    # SIP media applications

    def create_sip_media_application(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateSipMediaApplication."""
        self._check_endpoint(parameters["Endpoints"])
        if parameters["AwsRegion"] != self._region:
            raise AwsError(BAD, f"AwsRegion is {parameters['AwsRegion']!r}, not {self._region!r}.")
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
        self._applications[application_id] = VoiceResource(application_id, members, tags_of(parameters))
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
                raise AwsError(CONFLICT, "A SIP rule leads to the application.")
            del self._applications[application.id]
        return {}

    def _application(self, parameters: Parameters) -> VoiceResource:
        return find(self._applications, parameters["SipMediaApplicationId"])

    def _check_endpoint(self, endpoints: list[Mapping[str, Any]]) -> None:
        arn = endpoints[0].get("LambdaArn", "")
        if not arn.startswith(f"arn:aws:lambda:{self._region}:{self._account}:function:"):
            raise AwsError(BAD, f"LambdaArn: {arn!r} is no function of this account and Region.")

    # Calls

    def create_sip_media_application_call(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateSipMediaApplicationCall: what becomes of the call, its function receives."""
        application = self._applications.get(parameters["SipMediaApplicationId"])
        if application is None:
            raise AwsError(BAD, f"There is no application {parameters['SipMediaApplicationId']}.")
        caller, headers = parameters["FromPhoneNumber"], parameters.get("SipHeaders", {})
        if not self._numbers.can_dial_in(caller):
            raise AwsError(BAD, f"{caller} is no number of the inventory of the product type {DIAL_IN}.")
        lower = {name.lower() for name in headers}
        if parameters["ToPhoneNumber"] == MEETING_NUMBER and not lower >= set(_JOINING):
            raise AwsError(BAD, f"SipHeaders: {' and '.join(_JOINING)} say which meeting to join.")
        try:
            check_headers(headers, goes_to_aws=True)
        except ActionFailedError as error:
            raise AwsError(BAD, error.message) from error
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
            raise AwsError(MISSING, f"There is no call {parameters['TransactionId']} under way.")
        return {"SipMediaApplicationCall": {"TransactionId": parameters["TransactionId"]}}


def _leads_to(rule: VoiceResource, application_id: str) -> bool:
    return any(
        target["SipMediaApplicationId"] == application_id for target in rule.members["TargetApplications"]
    )
