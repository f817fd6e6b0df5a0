"""What the SIP media application is to do next with a call.

Nothing is kept between events: each has the legs that may be up, and brings back the call's attributes. A
call is a leg into a meeting (LEG-A, which start_call has dialled) and one to Amazon Connect (LEG-B, bridged
here). One leg's end never ends the other: as soon as an event shows that one is down, the other is hung up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sip_bridge.media_application.actions import Action, Bridge, hang_up, send_digits
from sip_bridge.media_application.event import CallEvent
from sip_bridge.sip_arguments import (
    CODE,
    CONNECT_NUMBER,
    MEETING_ID,
    SIP_HEADERS,
    HangUp,
    SendDigits,
    read_dialled_call,
    read_meeting_id,
    read_update,
)

_DIGITS_KEY = "DigitsKey"
"""The attribute with what Connect was sent lately: the beginnings of the keys of the caller's requests,
the latest last, or one of these."""
_NOTHING_SENT = "nothing"
_CODE_SENT = "code"
# Requests that are repeated cross those that came in between. A call's attributes hold no more than 20 kB.
_MAX_KEYS = 8
_KEY_BEGINNING = 16  # characters: 64 bits of a hash

# Attributes are replaced as a set: an answer with another set of names would erase the rest.
_ATTRIBUTES = (MEETING_ID, CODE, CONNECT_NUMBER, SIP_HEADERS, _DIGITS_KEY)
_MAX_ACTIONS = 10
_REFUSED = "480"  # Temporarily Unavailable
# From its second block on, the contact flow keeps keys that come before it listens: the touchtone buffer. A
# comma, half a second, lets it get there.
_BEFORE_CODE = ","


@dataclass(frozen=True)
class Answer:
    """What an event is answered with, and what else it needs."""

    actions: list[Action] = field(default_factory=list)
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The call's attributes from now on; empty where they are to stay as they are."""
    ended_meeting_id: str | None = None
    """The meeting to delete."""
    metric: str | None = None


def answer(event: CallEvent, bridge: Bridge) -> Answer:
    """The answer to an event of a call that is bridged by `bridge`."""
    match event.event_type, event.action_type:
        case "NEW_INBOUND_CALL", _:
            # Nobody is to call the caller's number. An empty answer would leave the call ringing.
            return Answer([hang_up(sip_response_code=_REFUSED)], metric="InboundCallRefused")
        case "NEW_OUTBOUND_CALL", _:
            return Answer(attributes=_first_attributes(event.arguments))
        case "HANGUP", _:
            return _end(event)
        case "ACTION_FAILED" | "INVALID_LAMBDA_RESPONSE", action if action != "Hangup":
            # Nobody answered, or the caller hung up while it rang: no fault of this deployment.
            is_fault = event.error_type != "CallNotAnswered" and not event.is_one_down
            return _end(event, metric="BridgeFailed" if is_fault else "CallNotAnswered")
    # Only a call that is to end has a leg down or gets a Hangup.
    return _end(event) if event.is_one_down or event.action_type == "Hangup" else _go_on(event, bridge)


def _go_on(event: CallEvent, bridge: Bridge) -> Answer:
    match event.event_type, event.action_type:
        case "CALL_ANSWERED", _:
            return _bridge(event, bridge)
        case "ACTION_SUCCESSFUL", "CallAndBridge":
            return _send_code(event)
        case "CALL_UPDATE_REQUESTED", _:
            return _update(event)
    return Answer(attributes=_attributes(event.attributes))


def _bridge(event: CallEvent, bridge: Bridge) -> Answer:
    call = read_dialled_call(event.attributes)
    if call is None:
        return _end(event, metric="BridgeFailed")
    # When an answer comes too late, the same event comes again although its answer was taken.
    actions = [] if event.leg("LEG-B") else [bridge.to(call)]
    return Answer(actions, _attributes(event.attributes))


def _send_code(event: CallEvent) -> Answer:
    """Without a code the contact flow finds no context: the call goes on, to an agent who asks who it is."""
    call = read_dialled_call(event.attributes)
    connect = event.leg("LEG-B")
    if event.attributes.get(_DIGITS_KEY, _NOTHING_SENT) != _NOTHING_SENT:
        # The event came again: a second code would be taken for an answer to the flow's next question.
        return Answer(attributes=_attributes(event.attributes))
    if call is None or connect is None or connect.call_id is None:
        return Answer(attributes=_attributes(event.attributes), metric="CallBridged")
    return Answer(
        [send_digits(connect.call_id, _BEFORE_CODE + call.code)],
        _attributes(event.attributes, **{_DIGITS_KEY: _CODE_SENT}),
        metric="CallBridged",
    )


def _update(event: CallEvent) -> Answer:
    connect = event.leg("LEG-B")
    sent = event.attributes.get(_DIGITS_KEY, "").split(",")
    match read_update(event.arguments):
        case HangUp():
            return _end(event)
        # Digits that Connect got before the code would be taken for a part of it.
        case SendDigits(digits, key) if connect and connect.call_id and sent != [_NOTHING_SENT]:
            beginning = key[:_KEY_BEGINNING]
            if beginning not in sent:
                lately = ",".join([*sent, beginning][-_MAX_KEYS:])
                return Answer(
                    [send_digits(connect.call_id, digits)],
                    _attributes(event.attributes, **{_DIGITS_KEY: lately}),
                )
    return Answer(attributes=_attributes(event.attributes))


def _end(event: CallEvent, *, metric: str | None = None) -> Answer:
    """Ends all that may be up of a call."""
    actions = [hang_up(leg) for leg in event.legs[:_MAX_ACTIONS]]
    has_ended = event.is_one_down or "HANGUP" in {event.event_type, (event.action_type or "").upper()}
    if not event.legs and not has_ended:
        actions = [hang_up()]  # the event names no legs
    return Answer(
        actions,
        _attributes(event.attributes),
        ended_meeting_id=read_meeting_id(event.attributes),
        metric=metric,
    )


def _first_attributes(arguments: Mapping[str, Any]) -> dict[str, str]:
    """The attributes of a call from its arguments: of one that cannot be bridged, the meeting to delete."""
    if read_dialled_call(arguments) is not None:
        return _attributes(arguments, **{_DIGITS_KEY: _NOTHING_SENT})
    meeting_id = read_meeting_id(arguments)
    return {} if meeting_id is None else {MEETING_ID: meeting_id}


def _attributes(known: Mapping[str, str], **changed: str) -> dict[str, str]:
    return {name: value for name in _ATTRIBUTES if (value := {**known, **changed}.get(name)) is not None}
