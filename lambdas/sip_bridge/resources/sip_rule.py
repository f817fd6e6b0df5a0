"""Custom::SipRule: sends calls to the caller's number to the SIP media application, which refuses them.

Properties: `Name`, `Number`, `SipMediaApplicationId`, `Region`. AWS gives rules their ids and could make a
second rule for a repeated request, so a rule is known by its name and number. Its number cannot be changed.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sip_bridge.resources.account import ServiceCall, list_all
from sip_bridge.resources.errors import Conflict, Gone, ResourceError
from sip_bridge.resources.properties import Properties
from sip_bridge.resources.resource import Before, Made, Patience

_CONFLICT_SECONDS = 60


class SipRule:
    """SIP rules of the account."""

    def __init__(self, voice: ServiceCall, patience: Patience) -> None:
        """`voice` is chime-sdk-voice."""
        self._voice = voice
        self._patience = patience

    def put(self, properties: Properties, before: Before | None) -> Made:
        """Creates or updates the rule; its id is the physical id."""
        name = properties.text("Name", r"[a-zA-Z0-9 _.-]{1,256}")
        number = properties.text("Number", r"\+[1-9][0-9]{1,14}")
        targets = [
            {
                "SipMediaApplicationId": properties.text("SipMediaApplicationId"),
                "Priority": 1,
                "AwsRegion": properties.text("Region", r"[a-z0-9-]+"),
            }
        ]
        ruling = [rule for rule in self._rules() if rule.get("TriggerValue") == number]
        for rule in ruling:
            if rule.get("Name") == name or (before is not None and rule["SipRuleId"] == before.physical_id):
                self._patiently(
                    "UpdateSipRule",
                    SipRuleId=rule["SipRuleId"],
                    Name=name,
                    Disabled=False,
                    TargetApplications=targets,
                )
                return Made(str(rule["SipRuleId"]))
        for rule in ruling:
            raise ResourceError(
                f"The number {number} has the SIP rule {rule.get('Name')} ({rule['SipRuleId']}) already.\n"
                "Fix: delete that rule (Amazon Chime SDK, SIP rules), or choose another number."
            )
        answer = self._patiently(
            "CreateSipRule",
            Name=name,
            TriggerType="ToPhoneNumber",
            TriggerValue=number,
            Disabled=False,
            TargetApplications=targets,
        )
        return Made(str(answer["SipRule"]["SipRuleId"]))

    def discard(self, properties: Properties, keep: str | None) -> None:
        """Deletes what was created."""
        named = (properties.text("Name"), properties.text("Number"))
        for rule in self._rules():
            if (rule.get("Name"), rule.get("TriggerValue")) == named and rule["SipRuleId"] != keep:
                self._delete(rule)

    def delete(self, _properties: Properties, physical_id: str) -> None:
        """Deletes the rule."""
        for rule in self._rules():
            if rule["SipRuleId"] == physical_id:
                self._delete(rule)

    def _delete(self, rule: Mapping[str, Any]) -> None:
        with suppress(Gone):
            # Only a disabled rule can be deleted.
            self._patiently("UpdateSipRule", SipRuleId=rule["SipRuleId"], Name=rule["Name"], Disabled=True)
            self._patiently("DeleteSipRule", SipRuleId=rule["SipRuleId"])

    def _patiently(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Repeats a request while AWS is busy with an earlier change."""
        for _ in self._patience.rounds(_CONFLICT_SECONDS):
            with suppress(Conflict):
                return self._voice(operation, **parameters)
        return self._voice(operation, **parameters)

    def _rules(self) -> list[Mapping[str, Any]]:
        return list_all(self._voice, "ListSipRules", "SipRules")
