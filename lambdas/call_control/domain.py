"""A caller's own call: its state, hanging up, coming back after a drop, digits.

The backend's record alone decides whose call it is, before any request to Connect. Unknown calls and other
users' calls are not found alike.
"""

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

from calls.errors import (
    CallEnded,
    CallerBlocked,
    CallNotFound,
    NotPossibleNow,
)
from calls.interfaces import Calls, CallTransport
from calls.record import Call


class CallControl:
    """What a user may do with a call.

    Every method raises `CallNotFound` for a contact that is not the user's latest call, and the errors of the
    adapters that it calls.
    """

    def __init__(self, calls: Calls, transport: CallTransport, now: Callable[[], int]) -> None:
        """`now` returns the time in milliseconds since the epoch."""
        self._calls = calls
        self._transport = transport
        self._now = now

    def find(self, user_id: str, contact_id: str) -> Call:
        """The user's call."""
        call = self._calls.find(user_id, self._now())
        if call is None or call.id != contact_id:
            raise CallNotFound
        return call

    def hang_up(self, user_id: str, contact_id: str) -> None:
        """Ends the call, whatever its state; one that has ended stays as it is."""
        call = self.find(user_id, contact_id)
        if call.is_failed_start:
            # Its record says that it ended, and not whether the contact was stopped.
            self._transport.end(call)
        elif call.ended_at is None or call.ended_by_connect:
            # An end by an event of Connect can be taken back by the event of a transfer: not after this. What
            # a transport has beside its contacts may go on with such a transfer.
            self._transport.end(call)
            self._calls.end(call, self._now(), hung_up=call.ended_at is None)

    def rejoin(self, user_id: str, contact_id: str) -> str:
        """What the app needs to join the call again: the JSON of `StartCallResponse` in openapi.yaml.

        Raises `CallEnded`, `CallerBlocked`, `AgentNotConnected` or `NotPossibleNow` too.
        """
        call, answer = self._live(user_id, contact_id)
        if call.is_blocked(self._now()):
            raise CallerBlocked
        try:
            joinable = self._transport.rejoin(call, answer)
        except CallEnded:
            # Before the answer, after which the app may start another call at once.
            self._calls.end(call, self._now())
            raise
        body = json.dumps(joinable)
        if joinable is not answer and not self._calls.store_connection(call, body):
            raise CallEnded
        return body

    def send_digits(self, user_id: str, contact_id: str, digits: str, key: str | None = None) -> None:
        """Sends DTMF digits into the call, once for an idempotency key.

        Raises `CallEnded`, `NotConnected` or `NotPossibleNow` too.
        """
        keypress = f"{contact_id}\0{digits}\0{key or uuid.uuid4()}"
        client_token = hashlib.sha256(keypress.encode()).hexdigest()
        call, answer = self._live(user_id, contact_id)
        self._transport.send_digits(call, answer, digits, client_token=client_token)

    def _live(self, user_id: str, contact_id: str) -> tuple[Call, dict[str, Any]]:
        """The user's call and the answer that the app had, if the call goes on or may do so."""
        call = self.find(user_id, contact_id)
        if not call.holds_slot(self._now()):
            raise CallEnded
        if call.answer is None:
            raise NotPossibleNow("The call is still being set up. Try again.", retry_after=1)
        answer: dict[str, Any] = json.loads(call.answer)
        return call, answer
