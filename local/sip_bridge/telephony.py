"""The Amazon Chime SDK as a whole: its meetings, its telephony, and the calls between them and the world."""

from collections.abc import Callable, Mapping
from typing import Any

from local.emulator.connect.media_placement import MediaPlane
from local.emulator.rest_of_aws import RestOfAws
from local.sip_bridge.meetings import Meetings
from local.sip_bridge.phone_numbers import NumberSupply
from local.sip_bridge.sip_calls import FarEnd, SipCalls
from local.sip_bridge.voice import Voice
from local.sip_bridge.voice_connectors import Ring


class Telephony:
    """What belongs together of one account and Region, and what its calls reach."""

    def __init__(
        self,
        *,
        region: str,
        account: str,
        numbers: NumberSupply,
        rest: RestOfAws,
        media: MediaPlane,
        ring: Ring,
    ) -> None:
        """`numbers` are those that can be ordered; `ring` dials a number of the telephone network."""
        self._rest = rest
        self.meetings = Meetings(region=region, account=account, rest=rest, media=media)
        self.calls = SipCalls(self)
        self.voice = Voice(region=region, account=account, numbers=numbers, calls=self.calls, ring=ring)

    def invoke(self, application_arn: str, function_arn: str, event: Mapping[str, Any]) -> object:
        """Invoke the function of a SIP media application."""
        return self._rest.invoke_function(function_arn, event, source_arn=application_arn)

    def join_meeting(self, meeting_id: str, join_token: str, over: Callable[[], None]) -> FarEnd | None:
        """Join a meeting as the attendee whose token that is."""
        attendee_id = self.meetings.join(meeting_id, join_token, over)
        return _MeetingLeg(self.meetings, meeting_id, attendee_id) if attendee_id else None

    def ring(self, number: str, caller: str, over: Callable[[], None]) -> FarEnd | str:
        """Dial a number of the telephone network."""
        return self.voice.connectors.ring(number, caller, over)

    def ring_through(
        self, voice_connector_arn: str, user: str, caller: str, over: Callable[[], None]
    ) -> FarEnd | str:
        """Dial through a Voice Connector."""
        return self.voice.connectors.ring_through(voice_connector_arn, user, caller, over)

    def owns(self, number: str) -> bool:
        """Whether the account has the number."""
        return self.voice.numbers.owns(number)


class _MeetingLeg:
    """A telephone leg that is an attendee of a meeting: nobody there hears keys."""

    def __init__(self, meetings: Meetings, meeting_id: str, attendee_id: str) -> None:
        self._meetings = meetings
        self._meeting_id = meeting_id
        self.id = attendee_id

    def press(self, keys: str) -> None:
        """Keys reach nobody."""

    def hang_up(self) -> None:
        """The leg leaves the meeting."""
        self._meetings.leave(self._meeting_id, self.id)
