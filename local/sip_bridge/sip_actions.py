"""What the function of a SIP media application may answer, checked as strictly as the Amazon Chime SDK says.

Source of the rules: "Responding to invocations with action lists", the page of each action, and "Debugging
unexpected ACTION_FAILED events" in the Amazon Chime SDK developer guide. An answer that is no list of known
actions is an `InvalidAnswerError`, which ends the call. An action with a wrong parameter is an
`ActionFailedError`, once it is its turn.

Stricter than AWS on purpose: a parameter that the action does not document makes the whole answer invalid.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.sip_bridge.phone_numbers import E164

SCHEMA_VERSION = "1.0"
MAX_ACTIONS = 10
MAX_ATTRIBUTES = 10
MAX_DIGITS = 50
MAX_HEADER_CHARACTERS = 2048  # characters, names and values together
DEFAULT_TIMEOUT = 30  # seconds of CallAndBridge

# Documented, and the parameters of those that run here; a call fails at the others.
PARAMETERS: dict[str, frozenset[str] | None] = {
    "CallAndBridge": frozenset(
        {"CallTimeoutSeconds", "CallerIdNumber", "RingbackTone", "Endpoints", "SipHeaders", "CallId",
         "ParticipantTag"}
    ),
    "Hangup": frozenset({"CallId", "ParticipantTag", "SipResponseCode"}),
    "JoinChimeMeeting": frozenset({"JoinToken", "CallId", "ParticipantTag", "MeetingId"}),
    "Pause": frozenset({"CallId", "ParticipantTag", "DurationInMilliseconds"}),
    "SendDigits": frozenset({"CallId", "Digits", "ToneDurationInMilliseconds"}),
    **dict.fromkeys(
        ("ModifyChimeMeetingAttendees", "PlayAudio", "PlayAudioAndGetDigits", "ReceiveDigits", "RecordAudio",
         "Speak", "SpeakAndGetDigits", "StartBotConversation", "StartCallRecording", "StopCallRecording",
         "PauseCallRecording", "ResumeCallRecording", "VoiceFocus", "RecordMeeting")
    ),
}  # fmt: skip

_URI = re.compile(r"[A-Za-z0-9&=+$/%\-_!~*().]{1,36}")
_DIGITS = re.compile(r"[0-9*#A-D,]{1,50}")
_RESERVED_HEADERS = ("x-amzn", "x-vine", "x-vc", "x-canary", "x-voice")
_OTHER_HEADERS = frozenset({"user-to-user", "diversion"})
_VOICE_CONNECTOR = re.compile(r"arn:aws[a-z-]*:chime:[a-z0-9-]+:\d{12}:vcg?/[\w-]+")


class InvalidAnswerError(Exception):
    """The function's answer is none: the error type and message of INVALID_LAMBDA_RESPONSE."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type
        self.message = message


class ActionFailedError(Exception):
    """An action cannot be done: the error type and message of ACTION_FAILED, and why here."""

    def __init__(self, error_type: str, message: str, why: str | None = None) -> None:
        super().__init__(why or message)
        self.error_type = error_type
        self.message = message


@dataclass(frozen=True)
class Action:
    """An action whose type and parameters' names are known."""

    type: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a function answered; None for actions or attributes means: as they are."""

    actions: tuple[Action, ...] | None
    attributes: Mapping[str, str] | None


def read_answer(answer: object) -> Answer:
    """Read a function's answer; raises InvalidAnswerError."""
    if not isinstance(answer, Mapping) or not answer:
        raise InvalidAnswerError("InvalidResponse", "Lambda response is blank or empty.")
    if unknown := answer.keys() - {"SchemaVersion", "Actions", "TransactionAttributes"}:
        raise InvalidAnswerError("InvalidResponse", f"Unknown members {sorted(unknown)}.")
    if answer.get("SchemaVersion") != SCHEMA_VERSION:
        raise InvalidAnswerError("InvalidSchemaVersion", "Schema version mismatch.")
    return Answer(_read_actions(answer.get("Actions")), read_attributes(answer.get("TransactionAttributes")))


def read_attributes(attributes: object) -> Mapping[str, str] | None:
    """Read TransactionAttributes, None where there are none; raises InvalidAnswerError."""
    if attributes is None:
        return None
    if not isinstance(attributes, Mapping) or not all(
        isinstance(item, str) for pair in attributes.items() for item in pair
    ):
        message = "Transaction Attributes is not a map of texts."
        raise InvalidAnswerError("TransactionAttributesInvalidMap", message)
    if len(attributes) > MAX_ATTRIBUTES:
        message = (
            f"Transaction Attributes has too many mappings. Maximum number of mappings is {MAX_ATTRIBUTES}"
        )
        raise InvalidAnswerError("TransactionAttributesInvalidMapSize", message)
    return dict(attributes)


def _read_actions(actions: object) -> tuple[Action, ...] | None:
    if actions is None:
        return None
    if not isinstance(actions, list):
        raise InvalidAnswerError("InvalidActions", "Error while reading actions list.")
    if len(actions) > MAX_ACTIONS:
        raise InvalidAnswerError("TooManyActions", "Too many actions specified in a response.")
    return tuple(map(_read_action, actions))


def _read_action(action: object) -> Action:
    match action:
        case {"Type": str(action_type), "Parameters": Mapping() as parameters, **rest} if not rest:
            if action_type not in PARAMETERS:
                message = f"Unsupported action {action_type} specified."
                raise InvalidAnswerError("UnsupportedAction", message)
            known = PARAMETERS[action_type]
            if known is None or not (unknown := parameters.keys() - known):
                return Action(action_type, dict(parameters))
            message = f"Error while reading actions list: {action_type} has no {', '.join(sorted(unknown))}."
            raise InvalidAnswerError("InvalidActions", message)
    raise InvalidAnswerError("InvalidActions", "Error while reading actions list.")


def check(action: Action) -> None:
    """Raise ActionFailedError where a parameter is missing or out of its range."""
    checks = _CHECKS.get(action.type)
    if checks is None:
        raise ActionFailedError("SystemException", f"{action.type} is not part of this emulator")
    checks(action.parameters)


def _wrong(message: str) -> ActionFailedError:
    return ActionFailedError("InvalidActionParameter", message)


def whole_number(value: object, least: int, most: int) -> int | None:
    """A parameter that is a whole number, or a text of one; None where it is not, or out of its range."""
    number = int(str(value)) if re.fullmatch(r"\d{1,6}", str(value)) and value is not True else -1
    return number if least <= number <= most else None


def _check_call_and_bridge(parameters: Mapping[str, Any]) -> None:
    caller = parameters.get("CallerIdNumber")
    if caller is None:
        raise _wrong("Caller ID not defined.")
    if not E164.fullmatch(str(caller)):
        raise _wrong("Invalid caller ID.")
    if whole_number(parameters.get("CallTimeoutSeconds", DEFAULT_TIMEOUT), 1, 120) is None:
        raise _wrong("The MaxCallTimeout parameter is invalid. Timeout must be between 0 and 120 seconds.")
    if "RingbackTone" in parameters:
        _check_audio(parameters["RingbackTone"])
    endpoints = parameters.get("Endpoints")
    if not isinstance(endpoints, list) or len(endpoints) != 1:
        raise _wrong("Invalid number of endpoints provided.")
    _check_endpoint(endpoints[0])
    check_headers(parameters.get("SipHeaders", {}), goes_to_aws=endpoints[0]["BridgeEndpointType"] == "AWS")


def _check_audio(source: object) -> None:
    match source:
        case {"Type": "S3", "BucketName": str(bucket), "Key": str(key)} if bucket and key:
            return
    raise ActionFailedError("InvalidAudioSource", "Ringtone parameter value is invalid.")


def _check_endpoint(endpoint: object) -> None:
    match endpoint:
        case {"BridgeEndpointType": "AWS", "Uri": str(uri), "Arn": str(arn), **rest} if not rest:
            if _URI.fullmatch(uri) and _VOICE_CONNECTOR.fullmatch(arn):
                return
        case {"BridgeEndpointType": "PSTN", "Uri": str(uri), **rest} if not rest:
            if E164.fullmatch(uri):
                return
    raise _wrong("Endpoint parameter is invalid.")


def check_headers(headers: object, *, goes_to_aws: bool) -> None:
    """Raise ActionFailedError for SIP headers that must not be sent."""
    if not isinstance(headers, Mapping):
        raise _wrong("Invalid SIP header(s) provided.")
    for name, value in headers.items():
        lower = str(name).lower()
        may_be_set = lower in _OTHER_HEADERS or (
            lower.startswith("x-") and not lower.startswith(_RESERVED_HEADERS)
        )
        is_one_line = isinstance(value, str) and value.isprintable() and value.isascii()
        if not may_be_set or not is_one_line or not goes_to_aws:
            raise _wrong(f"Invalid SIP header(s) provided: {name}")
    if sum(len(name) + len(value) for name, value in headers.items()) > MAX_HEADER_CHARACTERS:
        raise _wrong("Invalid SIP header(s) provided: they are too long.")


def _check_hangup(parameters: Mapping[str, Any]) -> None:
    if str(parameters.get("SipResponseCode", "0")) not in {"0", "480", "486"}:
        raise _wrong("The SipResponseCode parameter is invalid.")


def _check_join(parameters: Mapping[str, Any]) -> None:
    if not isinstance(parameters.get("JoinToken"), str) or not isinstance(parameters.get("MeetingId"), str):
        raise _wrong("JoinToken parameter value is invalid.")


def _check_pause(parameters: Mapping[str, Any]) -> None:
    if whole_number(parameters.get("DurationInMilliseconds"), 100, 30_000) is None:
        raise _wrong("The Duration parameter is invalid.")


def _check_send_digits(parameters: Mapping[str, Any]) -> None:
    if not isinstance(parameters.get("CallId"), str):
        raise _wrong("The CallId parameter is invalid.")
    if not _DIGITS.fullmatch(str(parameters.get("Digits", ""))):
        raise _wrong("The Digits parameter is invalid.")
    if whole_number(parameters.get("ToneDurationInMilliseconds", 250), 50, 24_000) is None:
        raise _wrong("ToneDuration parameter value is invalid.")


_CHECKS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "CallAndBridge": _check_call_and_bridge,
    "Hangup": _check_hangup,
    "JoinChimeMeeting": _check_join,
    "Pause": _check_pause,
    "SendDigits": _check_send_digits,
}
