"""A caller's own call: its state, hanging up, coming back after a drop, digits.

Whose call it is says the backend's record alone, and before anything is asked of Connect. What the record
does not hold as this user's latest call does not exist for this user.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from calls.errors import (
    CallEnded,
    CallerBlocked,
    CallNotFound,
    NotPossibleNow,
)
from calls.record import Call, State


class Calls(Protocol):
    """The records of calls; `calls.table.CallTable` says more."""

    def find(self, user_id: str, now: int) -> Call | None:
        """The user's latest call."""

    def end(self, call: Call, now: int) -> None:
        """Marks the call as ended by the user."""

    def store_connection(self, call: Call, answer: str) -> bool:
        """Stores the answer of a rejoin; False when the call has ended."""


class Way(Protocol):
    """How calls reach Connect: `call_control.webrtc.WebRtcContacts` or `call_control.bridge.Bridge`."""

    def end(self, call: Call) -> None:
        """Ends the call; one that has ended already is as good."""

    def rejoin(self, call: Call, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the app needs to join again: `answer`, which it had, or a new one.

        Raises `CallEnded` when there is nothing to join any more, and has then tried to end what is left.
        """

    def send_digits(self, call: Call, answer: Mapping[str, Any], digits: str, *, client_token: str) -> None:
        """Sends DTMF digits, once for a `client_token`."""


class CallControl:
    """What a user may do with a call.

    Every method raises `CallNotFound` for a contact that is not the user's latest call, and the errors of the
    adapters that it needs.
    """

    def __init__(self, calls: Calls, way: Way, now: Callable[[], int]) -> None:
        """`now` tells the time in milliseconds since the epoch."""
        self._calls = calls
        self._way = way
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
        if call.ended_at is None:
            self._way.end(call)
        # An end that Connect has told can be taken back by a transfer that it tells later: not after this.
        if call.ended_at is None or call.ended_by_connect:
            self._calls.end(call, self._now())

    def rejoin(self, user_id: str, contact_id: str) -> str:
        """What the app needs to join the call again: the JSON of `StartCallResponse` in openapi.yaml.

        Raises `CallEnded`, `CallerBlocked`, `AgentNotConnected` or `NotPossibleNow` too.
        """
        call, answer = self._live(user_id, contact_id)
        if call.is_blocked(self._now()):
            raise CallerBlocked
        try:
            joinable = self._way.rejoin(call, answer)
        except CallEnded:
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
        self._way.send_digits(call, answer, digits, client_token=client_token)

    def _live(self, user_id: str, contact_id: str) -> tuple[Call, dict[str, Any]]:
        """The user's call and what the app was answered, if the call goes on."""
        call = self.find(user_id, contact_id)
        if call.state(self._now()) is State.ENDED:
            raise CallEnded
        if call.answer is None:
            raise NotPossibleNow("The call is still being set up. Try again.", retry_after=1)
        answer: dict[str, Any] = json.loads(call.answer)
        return call, answer
