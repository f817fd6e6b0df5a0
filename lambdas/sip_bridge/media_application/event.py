"""An event of the SIP media application (SDK guide, "Telephony event invocations"), as far as it can be read.

The guide's own samples differ from its reference: members are missing or have other names. So whatever cannot
be read counts as absent; an event that is not answered would leave a paid call up.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_LEGS = ("LEG-A", "LEG-B")
_EVENT_TYPES = frozenset(
    {
        "ACTION_FAILED",
        "ACTION_INTERRUPTED",
        "ACTION_SUCCESSFUL",
        "CALL_ANSWERED",
        "CALL_UPDATE_REQUESTED",
        "DIGITS_RECEIVED",
        "HANGUP",
        "INVALID_LAMBDA_RESPONSE",
        "NEW_INBOUND_CALL",
        "NEW_OUTBOUND_CALL",
        "RINGING",
    }
)
_OTHER_NAMES = {"NEW_INCOMING_CALL": "NEW_INBOUND_CALL"}
_WORD = re.compile(r"[A-Za-z]{1,64}")
_TRANSACTION_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_SIP_RESPONSE_CODE = re.compile(r"[0-9]{1,3}")


@dataclass(frozen=True)
class Leg:
    """One end of a call that may still be up."""

    call_id: str | None
    tag: str | None
    """LEG-A, the meeting, or LEG-B, Amazon Connect."""


@dataclass(frozen=True, kw_only=True)
class CallEvent:
    """What one event holds; texts that are logged are only ever of AWS's vocabulary."""

    event_type: str
    transaction_id: str | None
    action_type: str | None
    error_type: str | None
    sip_response_code: str | None
    legs: tuple[Leg, ...]
    """Those that have not ended, as far as the event says."""
    is_one_down: bool
    """Whether a leg has ended."""
    attributes: Mapping[str, str] = field(repr=False)
    """The call's TransactionAttributes."""
    arguments: Mapping[str, Any] = field(repr=False)
    """Of the request that created or updates the call."""

    def leg(self, tag: str) -> Leg | None:
        """The leg with a tag, if it may be up."""
        return next((leg for leg in self.legs if leg.tag == tag), None)


def read_event(event: Any) -> CallEvent:
    """Reads an event of any shape. Never raises."""
    whole = _map(event)
    details = _map(whole.get("CallDetails"))
    action = _map(whole.get("ActionData"))
    parameters = _map(action.get("Parameters"))
    event_type = whole.get("InvocationEventType") or whole.get("InvocationEvent")
    event_type = _OTHER_NAMES.get(event_type, event_type) if isinstance(event_type, str) else None
    participants = [each for each in _list(details.get("Participants")) if isinstance(each, Mapping)]
    ended = {id(each) for each in participants if each.get("Status") == "Disconnected"}
    if event_type == "HANGUP" or (event_type == "ACTION_SUCCESSFUL" and action.get("Type") == "Hangup"):
        # The status of who has hung up is not always Disconnected yet.
        ended |= {id(each) for each in participants if _is_of(each, parameters)}
    elif action.get("Type") == "Hangup" and action.get("ErrorType") == "InvalidActionParameter":
        # No such leg. Hanging it up again and again would use up the call's 1,000 invocations.
        ended |= {id(each) for each in participants if "Status" not in each and _is_of(each, parameters)}
    return CallEvent(
        event_type=event_type if event_type in _EVENT_TYPES else "unknown",
        transaction_id=_text(_TRANSACTION_ID, details.get("TransactionId")),
        action_type=_text(_WORD, action.get("Type")),
        error_type=_text(
            _WORD, action.get("ErrorType") or parameters.get("ErrorType") or whole.get("ErrorType")
        ),
        sip_response_code=_text(_SIP_RESPONSE_CODE, str(parameters.get("SipResponseCode"))),
        legs=tuple(_leg(each) for each in participants if id(each) not in ended),
        is_one_down=bool(ended),
        attributes=_texts(_map(details.get("TransactionAttributes"))),
        arguments=_map(parameters.get("Arguments")),
    )


def _leg(participant: Mapping[str, Any]) -> Leg:
    call_id = participant.get("CallId")
    return Leg(call_id if isinstance(call_id, str) and call_id else None, _tag(participant))


def _is_of(participant: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """Whether `parameters` of an action name the participant: by its call id or, without one, by its tag."""
    call_id = parameters.get("CallId")
    if isinstance(call_id, str) and call_id:
        return call_id == participant.get("CallId")
    return (tag := _tag(parameters)) is not None and tag == _tag(participant)


def _tag(named: Mapping[str, Any]) -> str | None:
    tag = named.get("ParticipantTag")
    tag = tag.upper() if isinstance(tag, str) else None
    return tag if tag in _LEGS else None


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(pattern: re.Pattern[str], value: Any) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in values.items() if isinstance(value, str)}
