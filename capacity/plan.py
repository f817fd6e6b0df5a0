"""What a load asks of a Connect instance, of its environment, and of the account and Region."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from capacity.erlang import Waits, fewest_agents, impatient_waits, patient_waits
from capacity.figures import (
    ASSUMED,
    CREATE_PARTICIPANT,
    CREATE_PARTICIPANT_CONNECTION,
    EVENT_BATCHES,
    KEY_CACHED_SECONDS,
    SEND_MESSAGE,
    START_WEBRTC_CONTACT,
    STOP_CONTACT,
    SWITCH_READ_EVERY_SECONDS,
    Quota,
    Scope,
)
from capacity.load import Load, Settings
from capacity.throttle import least_burst
from capacity.usage import CONTACT_EVENTS, START_CALL, Operation, operations

ACCEPTED_REFUSED = 0.001
"""The share of requests for which 429 is accepted."""
_UTILISATION = 0.8
_BURST_TO_RATE = 1.5
_MOMENTS = 0.999

_OPERATIONS_PER_CALL: Mapping[Quota, float] = {
    START_WEBRTC_CONTACT: 1.0,
    STOP_CONTACT: ASSUMED.hang_ups,
    CREATE_PARTICIPANT: ASSUMED.replaced_participants,
    CREATE_PARTICIPANT_CONNECTION: ASSUMED.rejoins
    + ASSUMED.replaced_participants
    + ASSUMED.digit_connections,
    SEND_MESSAGE: ASSUMED.digit_requests,
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A quota to ask AWS for."""

    quota: Quota
    arrivals_per_second: float
    """At the peak."""
    rate: int
    burst: int
    least_burst: int
    """With which at most `ACCEPTED_REFUSED` would be refused."""


@dataclass(frozen=True, kw_only=True)
class FunctionUse:
    """A function of one environment, at the peak."""

    name: str
    invocations_per_second: float
    seconds: float
    """Of an invocation, on the average."""
    executions: float
    """At once, on the average."""
    most_executions: int
    """At once, at 99.9 % of moments."""


class Plan:
    """The answer to a load; each figure is of one instance and environment unless it says otherwise.

    Agents are those of the busy hour's average. What is limited by the second is of its peak.
    """

    def __init__(self, load: Load, settings: Settings) -> None:
        self.load = load
        self.settings = settings
        self.arrivals_per_second = load.calls_per_hour / load.instances / 3_600
        self.peak_per_second = self.arrivals_per_second * load.peak_factor
        self.offered = self.arrivals_per_second * load.aht_seconds
        self.operations = operations(settings)

    @cached_property
    def agents(self) -> int:
        """The fewest who answer in time, none of the callers giving up."""
        load = self.load
        return fewest_agents(
            self.offered,
            handle_seconds=load.aht_seconds,
            answer_within_seconds=load.answer_within_seconds,
            answered_in_time=load.answered_in_time_percent / 100,
            largest_occupancy=load.most_busy_percent / 100,
        )

    @cached_property
    def waits(self) -> Waits:
        """By Erlang C: none of the callers gives up."""
        return patient_waits(
            self.agents,
            self.offered,
            handle_seconds=self.load.aht_seconds,
            answer_within_seconds=self.load.answer_within_seconds,
        )

    @cached_property
    def impatient(self) -> Waits:
        """By Erlang A, with the same agents."""
        return self._impatient(self.offered)

    @cached_property
    def impatient_at_peak(self) -> Waits:
        """By Erlang A, with the same agents, if the peak went on."""
        return self._impatient(self.offered * self.load.peak_factor)

    def _impatient(self, offered: float) -> Waits:
        return impatient_waits(
            self.agents,
            offered,
            handle_seconds=self.load.aht_seconds,
            answer_within_seconds=self.load.answer_within_seconds,
            patience_seconds=self.load.patience_seconds,
        )

    @property
    def call_seconds(self) -> float:
        """How long a caller is in Connect: flow, queue, talk and hold."""
        talk = self.load.aht_seconds - self.load.wrap_up_seconds
        return ASSUMED.flow_seconds + self.waits.mean_seconds + talk

    @cached_property
    def concurrent_calls(self) -> int:
        """In flow, queue and talk at the peak, at 99.9 % of moments."""
        return most_at_once(self.peak_per_second * self.call_seconds)

    def operation_per_second(self, quota: Quota) -> float:
        """How often one environment asks for the operation of Connect that a quota is for, at the peak."""
        return self.peak_per_second * _OPERATIONS_PER_CALL[quota]

    @cached_property
    def requests(self) -> list[Request]:
        """The quotas of Connect's operations."""
        return [self._request(quota) for quota in _OPERATIONS_PER_CALL]

    def _request(self, quota: Quota) -> Request:
        arrivals = self.operation_per_second(quota) * self.sharing(quota)
        rate = max(round(quota.value), math.ceil(arrivals / _UTILISATION))
        least = least_burst(arrivals, rate=rate, refused=ACCEPTED_REFUSED)
        burst = max(quota.burst or 0, least, math.ceil(rate * _BURST_TO_RATE))
        return Request(quota=quota, arrivals_per_second=arrivals, rate=rate, burst=burst, least_burst=least)

    def sharing(self, quota: Quota) -> int:
        """How many environments share a quota, all being in one Region."""
        return self.load.instances if quota.scope is Scope.REGION else 1

    @cached_property
    def functions(self) -> Mapping[str, FunctionUse]:
        """By name."""
        uses: dict[str, list[Operation]] = {}
        for operation in self.operations:
            uses.setdefault(operation.function, []).append(operation)
        return {name: self._function(name, of_function) for name, of_function in uses.items()}

    def _function(self, name: str, of_function: list[Operation]) -> FunctionUse:
        memory = self.settings.memory_mib
        per_call = sum(operation.per_call for operation in of_function)
        seconds = sum(operation.per_call * operation.seconds(memory) for operation in of_function) / per_call
        between = ASSUMED.between_batches_ms / ASSUMED.events_of_a_batch / 1_000
        taken = seconds + (between if name == CONTACT_EVENTS else 0)
        executions = self.peak_per_second * per_call * taken
        return FunctionUse(
            name=name,
            invocations_per_second=self.peak_per_second * per_call,
            seconds=seconds,
            executions=executions,
            most_executions=most_at_once(executions),
        )

    @cached_property
    def reserved_concurrency(self) -> int:
        """What functions.reserved_concurrency must be: enough for each function's executions, and for all the
        starts that the API lets through at once.
        """
        executions = [use.most_executions for use in self.functions.values() if use.name != CONTACT_EVENTS]
        starts = next(request for request in self.requests if request.quota == START_WEBRTC_CONTACT)
        return max(*executions, math.ceil(starts.burst / self.sharing(starts.quota)))

    @property
    def event_concurrency(self) -> int:
        """What functions.event_concurrency should be: the peak at 80 %. Events of the moments that are busier
        wait in their queue.
        """
        needed = math.ceil(self.functions[CONTACT_EVENTS].executions / _UTILISATION)
        return max(round(EVENT_BATCHES.value), needed)

    @property
    def lambda_concurrency(self) -> int:
        """What the environment's functions reserve: all but contact_events the same."""
        alike = len(self.functions) - 1
        return alike * self.reserved_concurrency + self.event_concurrency

    @property
    def write_units_per_second(self) -> float:
        """Of the table and its index, at the peak."""
        return self.peak_per_second * self.write_units_per_call

    @property
    def read_units_per_second(self) -> float:
        """Of the table and its index, at the peak."""
        return self.peak_per_second * self.read_units_per_call

    @property
    def write_units_per_call(self) -> float:
        """Of the table and its index."""
        return sum(operation.per_call * operation.write_units for operation in self.operations)

    @property
    def read_units_per_call(self) -> float:
        """Of the table and its index."""
        return sum(operation.per_call * operation.read_units for operation in self.operations)

    @property
    def requests_per_call(self) -> float:
        """Through the API."""
        return sum(operation.per_call for operation in self.operations if operation.is_request)

    @property
    def requests_per_second(self) -> float:
        """Through the API, at the peak."""
        return self.peak_per_second * self.requests_per_call

    @property
    def invocations_per_call(self) -> float:
        """Of all functions."""
        return sum(operation.per_call for operation in self.operations)

    @property
    def status_reads_per_second(self) -> float:
        """At the peak."""
        return self.peak_per_second * ASSUMED.status_reads

    @property
    def hang_ups_per_second(self) -> float:
        """At the peak."""
        return self.peak_per_second * ASSUMED.hang_ups

    @property
    def events_per_second(self) -> float:
        """At the peak."""
        return self.peak_per_second * ASSUMED.events

    @property
    def key_requests_per_second(self) -> float:
        """Of KMS at the peak, if each execution environment asked for itself: DynamoDB's cache is by caller,
        so this is the most. The queue has one producer, which asks twice, and one consumer.
        """
        executions = sum(use.most_executions for use in self.functions.values())
        return (executions + 3) / KEY_CACHED_SECONDS

    @property
    def parameter_reads_per_second(self) -> float:
        """Of the switch, at the peak: each execution environment of start_call reads it by itself."""
        return self.functions[START_CALL].most_executions / SWITCH_READ_EVERY_SECONDS

    @property
    def sign_ins_per_second(self) -> float:
        """At the peak; none where the tokens are an issuer's."""
        return self.peak_per_second * ASSUMED.sign_ins if self.settings.has_user_pool else 0.0


def most_at_once(mean: float) -> int:
    """How many of independent things go on at 99.9 % of moments, when `mean` do on the average (Poisson)."""
    if mean <= 0:
        return 0
    number = math.ceil(mean + 10 * math.sqrt(mean) + 10)
    probability = math.exp(number * math.log(mean) - mean - math.lgamma(number + 1))
    beyond = 0.0
    while beyond + probability <= 1 - _MOMENTS:
        beyond += probability
        probability *= number / mean
        number -= 1
    return number
