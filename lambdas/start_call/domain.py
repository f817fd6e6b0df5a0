"""Starting a call: one contact for each call that a user requests, and none that nobody can join.

The order of the steps is what makes a crash between any two of them harmless:

1. `claim`: one conditional write gives the call the user's slot for a short lease.
2. `start`: a `CallTransport` sends the call to Connect, with the call's reference.
3. `store_answer`: the answer is stored for replay and the slot is held until the call ends.

A failure that is answered ends the call, so the contact's flow, which has the reference verified, sends it
away. A crash leaves a lease that runs out; the next request with the same key repeats step 2 as the same
contact, or ends what the crash has left and starts anew. So does the next request after a start that failed
with a contact: whether that was stopped, the record does not say.

A start that continues a call reads that call first: one request more to the table, and still one write.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from runtime.errors import (
    AnswerIncomplete,
    ConfigurationFault,
    ServiceError,
    TimedOut,
    Unavailable,
)

from calls.errors import (
    CallActive,
    IdempotencyKeyReused,
    RateExceeded,
    RequestInProgress,
    StartRefused,
)
from calls.interfaces import Calls, CallTransport
from calls.join_answer import to_start_call_response
from calls.record import Call, Rate
from calls.start_call_request import StartCallRequest
from start_call.caller import Caller

_REFUSAL_REMEMBERED = 3_600_000
"""Milliseconds in which further refusals of one user's starts are the same matter."""


NO_TOPIC = "none"
"""The attribute `topic` of a call without one: a contact flow cannot compare with nothing."""


@dataclass(frozen=True, kw_only=True)
class CallLimits:
    """How long things last, in seconds, and how often a user may call."""

    replay_seconds: int
    reference_seconds: int
    start_lease_seconds: int
    max_call_seconds: int
    rates: Sequence[Rate]
    """All of them hold."""


@dataclass(frozen=True)
class StartedCall:
    """The answer to the app: `body` is the JSON of `StartCallResponse` in openapi.yaml."""

    contact_id: str
    body: str
    replayed: bool


class _ContactUnusable(Exception):
    """Connect named a contact without what it takes to join it; it has been stopped.

    `reference` is that of its start, which has ended.
    """

    def __init__(self, detail: str, reference: str) -> None:
        super().__init__(detail)
        self.reference = reference


class StartCall:
    """Starts calls."""

    def __init__(
        self, calls: Calls, transport: CallTransport, limits: CallLimits, now: Callable[[], int]
    ) -> None:
        """`now` returns the time in milliseconds since the epoch."""
        self._calls = calls
        self._transport = transport
        self._limits = limits
        self._now = now

    def __call__(self, caller: Caller, request: StartCallRequest) -> StartedCall:
        """Starts a call, or answers the one that an earlier request with the same key started.

        Raises the `ServiceError` that the app is answered; then no contact of this request is left active.
        """
        try:
            return self._start(caller, request)
        except _ContactUnusable as first:
            # Connect had started it for a request that was lost, and promises no more than its id then. With
            # another reference, and so another client token, it starts a contact anew.
            try:
                return self._start(caller, request, cleared=first.reference)
            except _ContactUnusable as unusable:
                raise AnswerIncomplete(str(unusable)) from unusable

    def _start(self, caller: Caller, request: StartCallRequest, *, cleared: str = "") -> StartedCall:
        # Refused before anything is written: a request that can never succeed must not cost the user a start.
        name, source = _name(caller, request)
        context = {
            **caller.context,
            "display_name": name,
            "name_source": source,
            "topic": request.topic or NO_TOPIC,
        }
        reference = self._transport.prepare(context, request)
        call = self._new_call(caller.user_id, request, reference, context=context, display_name=name)
        if request.previous_contact_id is not None:
            call = self._continuing(call, request.previous_contact_id)
        standing = self._claim(call, cleared)
        if standing is not None and self._is_left_over(standing, call):
            standing = self._claim(call, self._clear_away(standing))
        if standing is not None:
            earlier = self._earlier_call(standing, call)
            if isinstance(earlier, StartedCall):
                return earlier
            call = earlier
        return self._place(call, request)

    def _continuing(self, call: Call, previous_id: str) -> Call:
        latest = None
        # It is worth no call that fails for it. A failure is counted and logged where it is raised.
        with suppress(ServiceError):
            latest = self._calls.find(call.user_id, call.started_at)
        return call if latest is None else latest.continued_by(call, previous_id)

    def _new_call(
        self,
        user_id: str,
        request: StartCallRequest,
        reference: str,
        *,
        context: Mapping[str, str],
        display_name: str,
    ) -> Call:
        now = self._now()
        return Call(
            user_id=user_id,
            started_at=now,
            idempotency_key=request.idempotency_key or f"none-{uuid.uuid4()}",
            request_hash=request.content_hash,
            reference=reference,
            reference_until=now + self._limits.reference_seconds * 1000,
            context=context,
            slot_until=now + self._limits.start_lease_seconds * 1000,
            transport=self._transport.name,
            display_name=display_name,
            capabilities=sorted(request.capabilities),
        )

    def _claim(self, call: Call, cleared: str) -> Call | None:
        try:
            return self._calls.claim(call, self._limits.rates, cleared=cleared)
        except (AnswerIncomplete, TimedOut, Unavailable):
            # It may have been written all the same, and this start goes no further.
            with suppress(ServiceError):
                self._calls.abandon(call, self._now())
            raise

    def _is_left_over(self, standing: Call, call: Call) -> bool:
        """Whether a start failed with a contact, or crashed and nobody will repeat it: one with another key,
        or one that cannot be repeated.
        """
        if standing.is_failed_start:
            return True
        if not standing.is_crashed_start(call.started_at):
            return False
        if standing.idempotency_key != call.idempotency_key:
            return True
        can_repeat = self._transport.can_repeat and standing.transport == call.transport
        return not can_repeat and standing.request_hash == call.request_hash

    def _earlier_call(self, standing: Call, call: Call) -> StartedCall | Call:
        """What stands in the way of `call`: an answer to replay, a crashed start to repeat, or an error."""
        now = call.started_at
        is_same_key = standing.idempotency_key == call.idempotency_key
        if is_same_key and (standing.ended_at is None or standing.replay_until > now):
            if standing.request_hash != call.request_hash:
                raise IdempotencyKeyReused(
                    "This Idempotency-Key was used with another body. Use a new key for each call."
                )
            replay = _replay(standing)
            if replay is not None and standing.replay_until > now:
                return replay
            if standing.answer is None:
                return self._repeat_crashed(standing, now)
        if standing.ended_at is not None and standing.holds_slot(now):
            # It is no call to name any more, unless Connect has transferred it.
            raise CallActive(None, retry_after=-((now - (standing.free_at or now)) // 1000))
        if standing.holds_slot(now):
            # A call that is being started may have no contact to name yet, and may fail: worth another try.
            raise CallActive(standing.id, retry_after=None if standing.answer else 1)
        wait = max(rate.seconds_until_allowed(standing.starts, now) for rate in self._limits.rates)
        if not wait:
            # Another start has failed since the one that was cleared away.
            raise CallActive(None, retry_after=1)
        raise RateExceeded("You have started too many calls. Try again later.", retry_after=wait)

    def _repeat_crashed(self, standing: Call, now: int) -> Call:
        if standing.slot_until <= now:
            renewed = self._take_over(standing, reference_until=now + self._limits.reference_seconds * 1000)
            if renewed is not None:
                return renewed
        raise RequestInProgress(
            "The first request with this Idempotency-Key is still running.", retry_after=1
        )

    def _take_over(self, crashed: Call, *, reference_until: int) -> Call | None:
        slot_until = self._now() + self._limits.start_lease_seconds * 1000
        return self._calls.take_over(crashed, slot_until=slot_until, reference_until=reference_until)

    def _place(self, call: Call, request: StartCallRequest) -> StartedCall:
        started = call
        try:
            started, answer = self._transport.start(call, request)
            joinable = to_start_call_response(answer, self._transport.media_region)
            body = json.dumps(joinable)
            started = self._answered(started, body)
            self._keep(started)
        except Exception as failure:
            standing = self._abandon(started, failure)
            if standing is None:
                raise
            return replace(standing, replayed=standing.body != started.answer)
        return StartedCall(joinable["ContactId"], body, replayed=False)

    def _answered(self, call: Call, body: str) -> Call:
        now = self._now()
        return replace(
            call,
            answer=body,
            replay_until=now + self._limits.replay_seconds * 1000,
            # The contact flow, which presents the reference, begins when the app has joined.
            reference_until=now + self._limits.reference_seconds * 1000,
            slot_until=now + self._limits.max_call_seconds * 1000,
        )

    def _keep(self, call: Call) -> None:
        if not self._calls.store_answer(call, self._limits.rates):
            raise Unavailable("The call ended before it could be joined. Try again.")

    def _clear_away(self, left_over: Call) -> str:
        """Ends what a start has left that failed or crashed; returns its reference, which `claim` takes.

        What a crashed one started is ended first, since nobody could find it any more afterwards. It is taken
        over for that, so that nobody repeats it meanwhile. If somebody does already, it stays: "" then.
        """
        if left_over.is_failed_start:
            self._transport.end(left_over)
            return left_over.reference
        held = self._take_over(left_over, reference_until=left_over.reference_until)
        if held is None:
            return ""
        self._transport.end(held)
        left = self._calls.abandon(held, self._now())
        if left is not None and left.contact_id != held.contact_id:
            self._transport.end(left)  # the flow has bound it meanwhile
        return held.reference

    def _abandon(self, call: Call, failure: Exception) -> StartedCall | None:
        """Leaves nothing of a start that is not answered with a call, for its `failure`: no slot, no contact.

        Returns the call when it was answered all the same: its answer was written without a confirmation for
        this request, or by the request that took a slow start over. It may have been replayed, so it stands.
        Raises `_ContactUnusable` where another start may succeed at once.

        The slot goes first: from then on the flow sends the contact away, and binds no other; an event of a
        contact that is known by then has it stopped. Where that fails, the contact is stopped and the lease
        frees the slot. A contact whose id Connect never answered may have come to its flow all the same, and
        wait in a queue: then the flow has bound it to the call.
        """
        now = self._now()
        # What AWS refuses it would refuse again and again, so that counts for the user's rates.
        counted = self._limits.rates if isinstance(failure, ConfigurationFault | StartRefused) else ()
        left = None
        # A failure of any of these is counted and logged where it is raised.
        with suppress(ServiceError):
            left = self._calls.abandon(call, now, counted=counted)
        if left is not None and left.ended_at is None and (replay := _replay(left)) is not None:
            return replay
        if left is not None and isinstance(failure, StartRefused):
            failure.is_repeated = now - left.refused_before < _REFUSAL_REMEMBERED
        is_ended = self._is_ended(call)
        if left is not None and left.contact_id not in (None, call.contact_id):
            is_ended = self._is_ended(left) and is_ended
        is_unusable = call.contact_id is not None and isinstance(failure, AnswerIncomplete)
        if is_unusable and is_ended and left is not None and self._transport.can_repeat:
            raise _ContactUnusable(str(failure), call.reference) from failure
        return None

    def _is_ended(self, call: Call) -> bool:
        try:
            self._transport.end(call)
        except ServiceError:
            return False
        return True


def _name(caller: Caller, request: StartCallRequest) -> tuple[str, str]:
    """The name that the agent sees, and whose word it is: a user is nobody else than the token says."""
    if caller.display_name:
        return caller.display_name, "token"
    if request.display_name:
        return request.display_name, "caller"
    return "Customer", "none"


def _replay(call: Call) -> StartedCall | None:
    """The answer of a call once more; None of a start that was not answered."""
    if call.id is None or call.answer is None:
        return None
    return StartedCall(call.id, call.answer, replayed=True)
