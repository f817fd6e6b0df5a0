"""The product: the real handlers of all functions, and what invokes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from runtime import telemetry

import calls.webrtc
from call_control import domain as call_control_domain
from call_control import handler as call_control
from call_control.domain import CallControl
from call_control.waiting import Waiting
from caller_context import handler as caller_context
from calls.connect import ConnectInstance
from calls.interfaces import CallTransport
from calls.participant_service import ParticipantService
from calls.record import Rate
from calls.table import CallTable
from calls.webrtc import WebRtc
from contact_events import handler as contact_events
from contact_events.domain import ContactEvents
from start_call import domain as start_call_domain
from start_call import handler as start_call
from start_call.domain import CallLimits, StartCall
from start_call.switch import Switch
from tests.lambdas.conftest import INSTANCE_ARN, TABLE
from tests.lambdas.events import CLAIMS, LambdaContext, call_event, sqs_batch, start_call_event
from tests.simulation.aws import Invocation
from tests.simulation.errors import BrokenError
from tests.simulation.scheduler import Killed

if TYPE_CHECKING:
    from tests.simulation.contact_center import Answered, Contact
    from tests.simulation.simulation import Simulation

LIMITS = CallLimits(
    replay_seconds=120,
    reference_seconds=300,
    start_lease_seconds=40,
    max_call_seconds=7200,
    rates=(Rate(calls=5, seconds=60), Rate(calls=50, seconds=86_400)),
)
TIMEOUTS = {"start_call": 26_000, "call_control": 26_000, "contact_events": 20_000, "caller_context": 7_000}
"""Milliseconds after which Lambda kills each function."""

VISIBILITY = 120_000
MAX_RECEIVES = 5
# EventBridge and the queue.
ARRIVES_AFTER = (500, 0, 1_600, 6_000, 45_000, 200_000)
_DROPPED, _DOUBLED = 6, 7
_FATES = 8


class Functions:
    """The deployed functions."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        clock = simulation.time
        table = CallTable(simulation.client("dynamodb"), TABLE, retention_seconds=LIMITS.max_call_seconds)
        instance = ConnectInstance(simulation.client("connect"), INSTANCE_ARN)
        participants: Any = ParticipantService(simulation.client("connectparticipant"))
        self.table = table
        native = WebRtc(table, instance, participants, clock, instance_arn=INSTANCE_ARN)
        transports = {function: self.make_transport(function, native) for function in TIMEOUTS}
        self._loaded = [
            (start_call, "_start_call", StartCall(table, transports["start_call"], LIMITS, clock)),
            (start_call, "_switch", Switch(simulation.client("ssm"), "/calling", clock)),
            (start_call, "now", clock),
            (call_control, "_calls", CallControl(table, transports["call_control"], clock)),
            # How long callers wait is read beside a call, and changes none.
            (call_control, "_waiting", SimpleNamespace(of=lambda _: Waiting())),
            (call_control, "now", clock),
            (contact_events, "_transport", transports["contact_events"]),
            (contact_events, "_contact_events", ContactEvents(table, instance, clock)),
            (caller_context, "_transport", transports["caller_context"]),
            (caller_context, "_calls", table),
            (caller_context, "now", clock),
        ]
        unique = count(1)
        # What is random in the product is counted here.
        self._loaded += [
            (calls.webrtc, "secrets", SimpleNamespace(token_urlsafe=lambda _: f"reference-{next(unique)}")),
            (start_call_domain, "uuid", SimpleNamespace(uuid4=lambda: next(unique))),
            (call_control_domain, "uuid", SimpleNamespace(uuid4=lambda: next(unique))),
        ]

    def make_transport(self, function: str, native: CallTransport) -> CallTransport:  # noqa: ARG002
        """The transport that a function starts, ends or reads calls with."""
        return native

    def load(self) -> None:
        """Has the handlers use this simulation."""
        for module, name, value in self._loaded:
            setattr(module, name, value)

    def request(
        self, name: str, method: str, resource: str, user: str, answered: Answered, **parts: Any
    ) -> Invocation:
        """A user's request by way of API Gateway; it is answered None when the function died."""
        claims = CLAIMS | {
            "sub": user,
            "cognito:username": user,
            "email": f"{user}@example.com",
            "name": user,
        }
        if resource == "/start-call":
            event = start_call_event(parts.get("body"), parts.get("headers"), claims)
            return self._invoke("start_call", name, user, event, answered)
        event = call_event(
            method, resource, parts["contact_id"], parts.get("body"), parts.get("headers"), claims
        )
        return self._invoke("call_control", name, user, event, answered)

    def ask_who_calls(self, contact: Contact, event: dict[str, Any], answered: Answered) -> None:
        """A contact flow's request."""
        invocation = self._invoke("caller_context", f"flow of {contact.contact_id}", None, event, answered)
        self._simulation.invariants.flow_asked(contact, invocation)

    def take(self, name: str, batch: dict[str, Any], answered: Answered) -> Invocation:
        """A batch of events off the queue."""
        return self._invoke("contact_events", name, None, batch, answered)

    def run(self, name: str, user: str | None, function: Callable[[], None]) -> None:
        """Runs something of the operators' as if it were a function."""
        self._simulation.scheduler.start(
            lambda: _until_killed(function), lasts=60_000, context=Invocation(name, "operations", user)
        )

    def _invoke(
        self, function: str, name: str, user: str | None, event: dict[str, Any], answered: Answered
    ) -> Invocation:
        handler: Any = {
            "start_call": start_call,
            "call_control": call_control,
            "contact_events": contact_events,
            "caller_context": caller_context,
        }[function].handler
        invocation = Invocation(name, function, user)
        self.invoke(invocation, handler, event, TIMEOUTS[function], answered)
        return invocation

    def invoke(
        self, invocation: Invocation, handler: Any, event: dict[str, Any], lasts: int, answered: Answered
    ) -> None:
        """Runs a handler for at most so many milliseconds; it is answered None when it died."""
        simulation = self._simulation

        def run() -> None:
            answer = None
            try:
                answer = handler(event, LambdaContext())
            except Killed:
                simulation.note(lambda: f"{invocation.name} {invocation.function} dies")
            simulation.after(0, lambda: answered(answer))

        simulation.scheduler.start(run, lasts=lasts, context=invocation)


def _until_killed(function: Callable[[], None]) -> None:
    try:
        function()
    except Killed:
        return


@dataclass
class Message:
    """An event in the queue."""

    name: str
    contact: Contact
    body: str
    event_type: str
    receives: int = 0


@dataclass
class Events:
    """EventBridge and the queue in front of the function: events come late, twice, in any order or never."""

    simulation: Simulation
    _pending: list[Message] = field(default_factory=list)
    _batches: Iterator[int] = field(default_factory=lambda: count(1))

    def send(self, contact: Contact, event_type: str, event: dict[str, Any]) -> None:
        """An event of Amazon Connect."""
        if self.simulation.is_over:
            return
        name = f"{contact.contact_id} {event_type}"
        fate = self.simulation.decide(f"{name} arrives", _FATES, self.simulation.chaos)
        if fate == _DROPPED:
            self.simulation.note(lambda: f"the event {name} is lost")
            self.simulation.invariants.event_lost(contact, event_type)
            return
        body = json.dumps(event)
        self.simulation.after(
            ARRIVES_AFTER[fate if fate < _DROPPED else 0],
            lambda: self._arrive(Message(name, contact, body, event_type)),
        )
        if fate == _DOUBLED:
            self.simulation.after(
                3_000, lambda: self._arrive(Message(f"{name} again", contact, body, event_type))
            )

    def _arrive(self, message: Message) -> None:
        self._pending.append(message)
        # A batch is what has come when Lambda looks.
        self.simulation.after(20, self._deliver)

    def _deliver(self) -> None:
        if not self._pending:
            return
        messages, self._pending = self._pending[:5], self._pending[5:]
        number = next(self._batches)
        for message in messages:
            message.receives += 1
        # Of one batch all messages have come as often here as the one that has come most rarely.
        batch = sqs_batch(*(message.body for message in messages))
        for record, message in zip(batch["Records"], messages, strict=True):
            record["attributes"]["ApproximateReceiveCount"] = str(message.receives)
        name = f"batch {number} ({', '.join(message.name for message in messages)})"
        short = f"{messages[0].name} #{messages[0].receives}"
        self.simulation.note(lambda: name)
        self.simulation.functions.take(short, batch, lambda answer: self._done(messages, answer))

    def _done(self, messages: list[Message], answer: dict[str, Any] | None) -> None:
        failed = {f"message-{number}" for number in range(len(messages))}
        if answer is not None:
            failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for number, message in enumerate(messages):
            if f"message-{number}" not in failed:
                self.simulation.invariants.event_taken(message.contact, message.event_type)
            elif message.receives == MAX_RECEIVES:
                self.simulation.note(partial("{} goes to the dead letters".format, message.name))
                self.simulation.invariants.event_lost(message.contact, message.event_type)
            else:
                self.simulation.after(VISIBILITY, partial(self._arrive, message))


@contextmanager
def quiet_telemetry() -> Iterator[None]:
    """Within, the functions write no log and no metrics, which takes longer than most of what they do; and an
    error that nobody foresaw breaks an invariant.
    """

    def log_error(message: str, **details: Any) -> None:
        if message == "Unforeseen error":
            raise BrokenError(
                f"An error that nobody foresaw: {details['error_type']} at {details['where'][-1]}"
            )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(telemetry.metrics, "add_metric", lambda **_: None)
        patch.setattr(telemetry.metrics.provider, "flush_metrics", lambda **_: None)
        patch.setattr(telemetry.logger, "error", log_error)
        for level in ("info", "warning"):
            patch.setattr(telemetry.logger, level, lambda *_, **__: None)
        for module in (
            start_call,
            call_control,
            contact_events,
            caller_context,
            start_call_domain,
            calls.webrtc,
        ):
            for name in (
                "_start_call",
                "_switch",
                "_calls",
                "_waiting",
                "_transport",
                "_contact_events",
                "now",
                "secrets",
                "uuid",
            ):
                if hasattr(module, name):
                    patch.setattr(module, name, getattr(module, name))
        yield
