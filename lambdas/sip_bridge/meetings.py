"""Meetings of the Amazon Chime SDK, each of which joins an app and a phone leg."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime import aws
from runtime.errors import AnswerIncomplete, Unavailable
from runtime.telemetry import count, logger, traced

from calls.errors import CallEnded, StartRefused

CALLER = "caller"
"""The external user id of the app's attendee."""
PHONE = "phone-agent"
"""The external user id of the phone leg's attendee; apps recognise an agent by its ending."""

_NOT_FOUND = "NotFoundException"
_CONFLICT = "ConflictException"


@dataclass(frozen=True)
class Attendee:
    """A place in a meeting, and the token that takes it."""

    attendee_id: str
    join_token: str


class Meetings:
    """The meetings of this account.

    Beside its own errors, every method raises `CapacityReached`, `Unavailable`, `TimedOut`,
    `AnswerIncomplete` or `ConfigurationFault`, after which Chime may have carried out the request.
    """

    def __init__(self, client: Any) -> None:
        """`client` is a botocore client of chime-sdk-meetings."""
        self._client = client

    @traced
    def create(self, *, client_token: str, media_region: str, external_meeting_id: str) -> Mapping[str, Any]:
        """Creates a meeting with attendees `CALLER` and `PHONE`, once for a `client_token`.

        Returns the answer of CreateMeetingWithAttendees (every member is optional, and an attendee may be
        missing). Raises `StartRefused` in the place of `ConfigurationFault`.
        """
        try:
            answer = aws.call(
                self._client,
                "CreateMeetingWithAttendees",
                expected_errors={_CONFLICT},
                refused=StartRefused,
                ClientRequestToken=client_token,
                MediaRegion=media_region,
                ExternalMeetingId=external_meeting_id,
                Attendees=[{"ExternalUserId": CALLER}, {"ExternalUserId": PHONE}],
            )
        except aws.ExpectedError as error:
            # The request came twice at once: botocore repeated it before the first was done with.
            raise Unavailable("The contact center cannot do this just now. Try again.") from error
        if errors := answer.get("Errors"):
            codes = [each.get("ErrorCode") for each in errors]
            logger.warning("AWS refused", operation="CreateMeetingWithAttendees", codes=codes)
        return answer

    @traced
    def delete(self, meeting_id: str) -> None:
        """Ends a meeting for all who are in it; idempotent."""
        try:
            aws.call(self._client, "DeleteMeeting", expected_errors={_NOT_FOUND}, MeetingId=meeting_id)
        except aws.ExpectedError:
            return
        except Exception:
            count("MeetingDeleteFailed")
            raise

    @traced
    def has_attendee(self, meeting_id: str, attendee_id: str) -> bool:
        """Whether the meeting goes on and the attendee still has a place in it."""
        try:
            aws.call(
                self._client,
                "GetAttendee",
                expected_errors={_NOT_FOUND},
                MeetingId=meeting_id,
                AttendeeId=attendee_id,
            )
        except aws.ExpectedError:
            return False
        return True

    @traced
    def create_caller(self, meeting_id: str) -> Attendee:
        """Gives the caller a new place in the meeting. Raises `CallEnded` when the meeting has ended."""
        try:
            answer = aws.call(
                self._client,
                "CreateAttendee",
                expected_errors={_NOT_FOUND},
                MeetingId=meeting_id,
                ExternalUserId=CALLER,
            )
        except aws.ExpectedError as error:
            raise CallEnded from error
        attendee = answer.get("Attendee") or {}
        attendee_id, join_token = attendee.get("AttendeeId"), attendee.get("JoinToken")
        if not attendee_id or not join_token:
            raise AnswerIncomplete("The contact center did not say how to rejoin the call. Try again.")
        return Attendee(attendee_id, join_token)
