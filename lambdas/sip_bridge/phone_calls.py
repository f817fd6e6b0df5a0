"""Phone calls of the SIP media application, which lead from a meeting to Amazon Connect's number."""

from collections.abc import Mapping
from typing import Any

from runtime import aws
from runtime.errors import AnswerIncomplete
from runtime.telemetry import traced

from calls.errors import CallEnded, StartRefused
from sip_bridge.sip_arguments import digits_arguments, hang_up_arguments

# AWS's number for meetings of the Chime SDK: whoever dials it joins the meeting that the headers name.
_MEETINGS_NUMBER = "+17035550122"


class PhoneCalls:
    """The phone calls of one SIP media application.

    Beside its own errors, every method raises `CapacityReached`, `Unavailable`, `TimedOut`,
    `AnswerIncomplete` or `ConfigurationFault`, after which the service may have carried out the request.
    """

    def __init__(self, client: Any, application_id: str) -> None:
        """`client` is a botocore client of chime-sdk-voice. One that dials must not repeat requests: a
        repeated one is a second phone call.
        """
        self._client = client
        self._application_id = application_id

    @traced
    def dial(
        self, *, caller_number: str, meeting_id: str, join_token: str, arguments: Mapping[str, str]
    ) -> str:
        """Starts a phone call from `caller_number` (E.164) into a meeting; returns its transaction id.

        `join_token` is that of the phone leg's attendee. `arguments` reach the application's function. Raises
        `StartRefused` in the place of `ConfigurationFault`.
        """
        answer = aws.call(
            self._client,
            "CreateSipMediaApplicationCall",
            refused=StartRefused,
            SipMediaApplicationId=self._application_id,
            FromPhoneNumber=caller_number,
            ToPhoneNumber=_MEETINGS_NUMBER,
            SipHeaders={"X-chime-join-token": join_token, "X-chime-meeting-id": meeting_id},
            ArgumentsMap=arguments,
        )
        transaction_id = (answer.get("SipMediaApplicationCall") or {}).get("TransactionId")
        if not isinstance(transaction_id, str) or not transaction_id:
            raise AnswerIncomplete("The contact center did not say how the call goes on. Try again.")
        return transaction_id

    @traced
    def hang_up(self, transaction_id: str) -> None:
        """Ends a phone call on both legs; idempotent."""
        try:
            self._update(transaction_id, hang_up_arguments())
        except CallEnded:
            return

    @traced
    def send_digits(self, transaction_id: str, digits: str, *, client_token: str) -> None:
        """Sends DTMF digits to Connect, once for a `client_token`. Raises `CallEnded`."""
        self._update(transaction_id, digits_arguments(digits, client_token))

    def _update(self, transaction_id: str, arguments: Mapping[str, str]) -> None:
        try:
            aws.call(
                self._client,
                "UpdateSipMediaApplicationCall",
                expected_errors={"NotFoundException"},
                SipMediaApplicationId=self._application_id,
                TransactionId=transaction_id,
                Arguments=arguments,
            )
        except aws.ExpectedError as error:
            raise CallEnded from error
