"""Starting a call: one contact for each call that a user asks for, and none that nobody can join.

The order of the steps is what makes a crash between any two of them harmless:

1. `claim`: one conditional write gives the call the user's slot for a short lease.
2. `start`: Connect starts the contact, which carries the call's reference.
3. `store_answer`: the answer is stored for replay and the slot is held until the call ends.

A failure that is answered ends the call, so the contact's flow, which asks about the reference, sends it
away. A crash leaves a lease that runs out; the next request with the same key repeats step 2 as the same
contact.
"""

import json
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from calls.connection import complete
from calls.errors import (
    CallActive,
    CallError,
    IdempotencyKeyReused,
    RateExceeded,
    RequestInProgress,
    Unavailable,
)
from calls.record import Call, Rate
from start_call.caller import Caller
from start_call.request import LARGEST_ATTRIBUTES, StartCallRequest, attributes_too_large, size_of


class Calls(Protocol):
    """The records of calls; `calls.table.CallTable` says more."""

    def claim(self, call: Call, rate: Rate) -> Call | None:
        """Gives the slot to `call`, or returns what stands in the way."""

    def take_over(self, crashed: Call, *, slot_until: int, reference_until: int) -> Call | None:
        """Renews the lease of a crashed start; None when another request was faster."""

    def store_answer(self, call: Call, rate: Rate) -> bool:
        """Stores contact and answer; False when the call is no longer the user's."""

    def abandon(self, call: Call, now: int) -> Call | None:
        """Frees the slot of a failed start; returns it as it ended, None when it was no longer the user's."""


class Contacts(Protocol):
    """Contacts of the Connect instance; `calls.connect.ConnectInstance` says more."""

    media_region: str

    def start(
        self,
        *,
        contact_flow_arn: str,
        client_token: str,
        display_name: str,
        attributes: Mapping[str, str],
        capabilities: Sequence[str],
    ) -> Mapping[str, Any]:
        """Starts a contact and returns what StartWebRTCContact answers."""

    def stop(self, contact_id: str) -> None:
        """Ends a contact."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How long things last, in seconds, and how often a user may call."""

    replay_seconds: int
    reference_seconds: int
    start_lease_seconds: int
    longest_call_seconds: int
    rate: Rate


@dataclass(frozen=True)
class StartedCall:
    """The answer to the app: `body` is the JSON of `StartCallResponse` in openapi.yaml."""

    contact_id: str
    body: str
    replayed: bool


class StartCall:
    """Starts calls."""

    def __init__(self, calls: Calls, contacts: Contacts, terms: Terms, now: Callable[[], int]) -> None:
        """`now` tells the time in milliseconds since the epoch."""
        self._calls = calls
        self._contacts = contacts
        self._terms = terms
        self._now = now

    def __call__(self, caller: Caller, request: StartCallRequest) -> StartedCall:
        """Starts a call, or answers the one that an earlier request with the same key started.

        Raises the `CallError` that the app is to be answered; then no contact of this request is left active.
        """
        call = self._new_call(caller, request)
        # Before anything is written: a request that can never succeed must not cost the user a start.
        attributes = self._attributes(call, request)
        standing = self._calls.claim(call, self._terms.rate)
        if standing is not None and self._is_abandoned_by_crash(standing, call):
            self._clear_away(standing)
            standing = self._calls.claim(call, self._terms.rate)
        if standing is not None:
            earlier = self._earlier_call(standing, call)
            if isinstance(earlier, StartedCall):
                return earlier
            call, attributes = earlier, self._attributes(earlier, request)
        return self._place(call, request, attributes)

    def _new_call(self, caller: Caller, request: StartCallRequest) -> Call:
        now = self._now()
        return Call(
            user_id=caller.user_id,
            started_at=now,
            idempotency_key=request.idempotency_key or f"none-{uuid.uuid4()}",
            request_hash=request.content_hash,
            reference=secrets.token_urlsafe(24),
            reference_until=now + self._terms.reference_seconds * 1000,
            context=caller.context,
            slot_until=now + self._terms.start_lease_seconds * 1000,
            display_name=request.display_name or caller.display_name,
            capabilities=sorted(request.capabilities),
        )

    @staticmethod
    def _attributes(call: Call, request: StartCallRequest) -> dict[str, str]:
        """The contact's attributes; the trusted ones come last, so nothing that is sent can replace them."""
        trusted = {name: value for name, value in call.context.items() if value}
        attributes = {
            **request.attributes,
            **trusted,
            "auth_status": "verified",
            "auth_token": call.reference,
        }
        if size_of(attributes) > LARGEST_ATTRIBUTES:
            raise attributes_too_large()
        return attributes

    @staticmethod
    def _is_abandoned_by_crash(standing: Call, call: Call) -> bool:
        """Whether a start with another key crashed: nobody will ask for its contact, if there is one."""
        return standing.is_crashed_start(call.started_at) and standing.idempotency_key != call.idempotency_key

    def _earlier_call(self, standing: Call, call: Call) -> StartedCall | Call:
        """What stands in the way of `call`: an answer to replay, a crashed start to repeat, or an error."""
        now = call.started_at
        is_same_key = standing.idempotency_key == call.idempotency_key
        if is_same_key and (standing.ended_at is None or standing.replay_until > now):
            if standing.request_hash != call.request_hash:
                raise IdempotencyKeyReused(
                    "This Idempotency-Key was used with another body. Use a new key for each call."
                )
            if (
                standing.answer is not None
                and standing.contact_id is not None
                and standing.replay_until > now
            ):
                return StartedCall(standing.contact_id, standing.answer, replayed=True)
            if standing.answer is None:
                return self._repeat_crashed(standing, now)
        if standing.holds_slot(now):
            # A call that is being started has no contact to name yet, and may fail: worth another try soon.
            raise CallActive(standing.contact_id, retry_after=None if standing.answer else 1)
        raise RateExceeded(
            "You have started too many calls. Try again later.",
            retry_after=self._terms.rate.seconds_until_allowed(standing.starts, now),
        )

    def _repeat_crashed(self, standing: Call, now: int) -> Call:
        if standing.slot_until <= now:
            renewed = self._calls.take_over(
                standing,
                slot_until=now + self._terms.start_lease_seconds * 1000,
                reference_until=now + self._terms.reference_seconds * 1000,
            )
            if renewed is not None:
                return renewed
        raise RequestInProgress(
            "The first request with this Idempotency-Key is still running.", retry_after=1
        )

    def _place(self, call: Call, request: StartCallRequest, attributes: Mapping[str, str]) -> StartedCall:
        contact_id = None
        try:
            answer = self._contacts.start(
                contact_flow_arn=request.contact_flow_arn,
                client_token=call.client_token,
                display_name=call.display_name,
                attributes=attributes,
                capabilities=call.capabilities,
            )
            contact_id = answer.get("ContactId")
            return self._keep(call, complete(answer, self._contacts.media_region))
        except Exception:
            self._abandon(call, contact_id)
            raise

    def _keep(self, call: Call, answer: dict[str, Any]) -> StartedCall:
        now = self._now()
        body = json.dumps(answer)
        answered = replace(
            call,
            contact_id=answer["ContactId"],
            answer=body,
            replay_until=now + self._terms.replay_seconds * 1000,
            slot_until=now + self._terms.longest_call_seconds * 1000,
        )
        if not self._calls.store_answer(answered, self._terms.rate):
            raise Unavailable("The call ended before it could be joined. Try again.")
        return StartedCall(answer["ContactId"], body, replayed=False)

    def _clear_away(self, crashed: Call) -> None:
        """Ends a start that crashed; its contact first, which nobody could find any more afterwards."""
        if crashed.contact_id is not None:
            self._contacts.stop(crashed.contact_id)
        self._calls.abandon(crashed, self._now())

    def _abandon(self, call: Call, contact_id: str | None) -> None:
        """Leaves nothing of a start that is not answered with a call: no contact, no slot.

        Where that fails too, the contact's flow sends it away and the lease frees the slot. A contact whose
        id Connect never answered may have come to its flow all the same, and wait in a queue: then the flow
        has bound it to the call. If it comes there later, the flow learns that the call has ended.
        """
        # A failure of any of these is counted and logged where it is raised.
        if contact_id is not None:
            with suppress(CallError):
                self._contacts.stop(contact_id)
        with suppress(CallError):
            ended = self._calls.abandon(call, self._now())
            if ended is not None and ended.contact_id not in (None, contact_id):
                self._contacts.stop(ended.contact_id)
