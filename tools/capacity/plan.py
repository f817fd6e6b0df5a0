"""What a load needs: agents, quotas, concurrency, and what a month of it costs.

Quotas are what AWS gives a new account in eu-west-2, read on 2026-11-23 in each service's guide ("Quotas").
Prices are list prices in US dollars of eu-west-2, without tax, free tiers and discounts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tools.capacity.assumptions import ASSUMED, OPERATIONS, REQUESTS, Operation

REGION = "eu-west-2"
MAX_CALLS_PER_HOUR = 1_000_000
_UTILISATION = 0.8
_REFUSED = 0.001  # the share of requests for which 429 is accepted
_QUEUE_READ_SECONDS = 15  # between two reads of a queue, whoever asks
_MIN_EVENT_CONCURRENCY = 2  # Lambda's
_WHOLE_CORE_MIB = 1_769  # AWS Lambda developer guide, "Lambda quotas"
_REGION, _INSTANCE, _ENVIRONMENT = "account and Region", "instance", "environment"
_QUOTED, _REMEMBERED = "quoted by others, check", "from memory, check"


@dataclass(frozen=True, kw_only=True)
class Load:
    """The calls of the busy hour. `aht_seconds` is talk, hold and wrap-up; in wrap-up the caller has gone."""

    calls_per_hour: float
    aht_seconds: float
    wrap_up_seconds: float = 30
    answer_within_seconds: float = 20
    answered_in_time_percent: float = 80
    max_busy_percent: float = 100
    peak_factor: float = 1.5
    busy_hours_per_month: float = 300


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an environment's configuration changes."""

    memory_mib: int = 1_024
    log_retention_days: int = 365
    has_user_pool: bool = True
    agent_guide: bool = False


@dataclass(frozen=True)
class Limit:
    """A quota and what the peak needs of it; with a `burst` a token bucket of `value` requests a second."""

    name: str
    scope: str
    value: float
    burst: int | None
    needed: float

    @property
    def holds(self) -> bool:
        """Whether it is enough. Of random requests (Poisson), a token bucket of rate r and burst b refuses
        about e^(-x b) at the load r x / (e^x - 1): the tail of the queue M/D/1.
        """
        if self.burst is None:
            return self.needed <= self.value
        exponent = -math.log(_REFUSED) / self.burst
        return self.needed <= self.value * exponent / math.expm1(exponent)

    @property
    def to_request(self) -> tuple[float, int | None]:
        """Value and burst to request: those it has where they are enough, otherwise the need at 80 %."""
        if self.holds:
            return self.value, self.burst
        if self.burst is None:
            return math.ceil(self.needed), None
        rate = math.ceil(self.needed / _UTILISATION)
        return rate, max(15, math.ceil(rate * 1.5))  # 15 holds at 80 %; 1.5 is AWS's own ratio


@dataclass(frozen=True)
class Item:
    """A line of the bill."""

    name: str
    quantity: float
    price: float
    unit: str
    as_of: str


class Plan:
    """Agents are for the hour's average; rates and concurrency are for its peak."""

    def __init__(self, load: Load, settings: Settings) -> None:
        self.load = load
        self.settings = settings
        self.offered = load.calls_per_hour / 3_600 * load.aht_seconds  # Erlangs
        self.peak = load.calls_per_hour / 3_600 * load.peak_factor  # calls a second
        self.agents, self.waiting = self._staffing()

    def _staffing(self) -> tuple[int, float]:
        """The fewest agents who answer in time, and the share of callers who wait, by Erlang C."""
        # The recursion of Erlang B. What lies ten deviations below the load has no weight.
        agents, blocked = max(0, math.floor(self.offered - 10 * math.sqrt(self.offered))), 1.0
        while True:
            agents += 1
            blocked = self.offered * blocked / (agents + self.offered * blocked)
            if agents > self.offered and self.offered / agents <= self.load.max_busy_percent / 100:
                waiting = blocked / (1 - self.offered / agents * (1 - blocked))
                if self._in_time(agents, waiting) >= self.load.answered_in_time_percent / 100:
                    return agents, waiting

    def _in_time(self, agents: int, waiting: float) -> float:
        within = self.load.answer_within_seconds / self.load.aht_seconds
        return 1 - waiting * math.exp(-(agents - self.offered) * within)

    @property
    def answered_in_time(self) -> float:
        """The share of callers."""
        return self._in_time(self.agents, self.waiting)

    @property
    def mean_wait_seconds(self) -> float:
        """Of all callers (average speed of answer)."""
        return self.waiting * self.load.aht_seconds / (self.agents - self.offered)

    @property
    def _call_seconds(self) -> float:
        """In flow, queue, talk and hold."""
        talk = self.load.aht_seconds - self.load.wrap_up_seconds
        return ASSUMED.flow_seconds + self.mean_wait_seconds + talk

    @cached_property
    def executions(self) -> Mapping[str, float]:
        """How many of each function run at once at the peak, on average: arrivals x duration."""
        cpu_ms = ASSUMED.cpu_ms / min(1, self.settings.memory_mib / _WHOLE_CORE_MIB)
        at_once: dict[str, float] = {}
        for each in OPERATIONS:
            busy = self.peak * each.per_call * (cpu_ms + each.aws_ms) / 1_000
            at_once[each.function] = at_once.get(each.function, 0) + busy
        if not self.settings.has_user_pool:
            at_once["authorizer"] = self.peak * _total("per_call", REQUESTS) * cpu_ms / 1_000
        return at_once

    @property
    def reserved_concurrency(self) -> int:
        """`functions.reserved_concurrency`: enough for each function, and for a burst of starts."""
        waited_for = (mean for name, mean in self.executions.items() if name != "contact_events")
        burst = next(
            limit.to_request[1] for limit in self._rates if limit.name.endswith("StartWebRTCContact")
        )
        return max(burst or 0, *map(most_at_once, waited_for))

    @property
    def event_concurrency(self) -> int:
        """`functions.event_concurrency`: events wait in a queue, so the average is enough."""
        return max(_MIN_EVENT_CONCURRENCY, math.ceil(self.executions["contact_events"] / _UTILISATION))

    @property
    def _rates(self) -> Sequence[Limit]:
        """Of Connect's operations. StartWebRTCContact is no exception in the guide: the default of all."""
        connections = ASSUMED.rejoins + ASSUMED.late_rejoins + ASSUMED.digit_connections
        quotas = (
            ("Connect: StartWebRTCContact", _REGION, 2, 5, 1.0),
            ("Connect: StopContact", _REGION, 10, 15, ASSUMED.hang_ups),
            ("Connect: CreateParticipant", _REGION, 5, 8, ASSUMED.late_rejoins),
            ("Participant service: CreateParticipantConnection", _INSTANCE, 6, 9, connections),
            ("Participant service: SendMessage", _INSTANCE, 10, 15, ASSUMED.digit_requests),
        )
        limits = [
            Limit(name, of, rate, burst, self.peak * number) for name, of, rate, burst, number in quotas
        ]
        # However many wait: lambdas/calls/positions.py and queue_state.py.
        positions = min(1.0, self.peak * ASSUMED.waiting_reads)
        queues = ASSUMED.queues / _QUEUE_READ_SECONDS
        return [
            *limits,
            Limit("Connect: GetContactMetrics", _REGION, 2, 5, positions),
            Limit("Connect: GetCurrentMetricData", _REGION, 5, 8, queues),
        ]

    @property
    def limits(self) -> Sequence[Limit]:
        """The quotas of a new account."""
        reserved = (len(self.executions) - 1) * self.reserved_concurrency + self.event_concurrency
        readers = most_at_once(self.executions["start_call"])
        writes, requests = (self.peak * _total(*what) for what in (("write_units",), ("per_call", REQUESTS)))
        return [
            Limit("Connect: concurrent active calls", _INSTANCE, 10, None, self._concurrent_calls),
            Limit("Connect: users", _INSTANCE, 500, None, self.agents),
            # A guide is a chat contact for as long as its call, at most.
            *(
                [Limit("Connect: concurrent active chats", _INSTANCE, 500, None, self._concurrent_calls)]
                if self.settings.agent_guide
                else []
            ),
            *self._rates,
            # Of 1,000, the 100 less that reserved concurrency must leave.
            Limit("Lambda: executions that can be reserved", _REGION, 900, None, reserved),
            Limit(
                "contact_events: batches at once, Lambda's minimum",
                *(_ENVIRONMENT, _MIN_EVENT_CONCURRENCY, None),
                self.executions["contact_events"] / _UTILISATION,
            ),
            Limit("DynamoDB: write units a second, new table", _ENVIRONMENT, 4_000, None, writes),
            Limit("API Gateway: requests", _REGION, 10_000, 5_000, requests),
            Limit("EventBridge: events a second", _REGION, 2_250, None, self.peak * ASSUMED.contact_events),
            Limit(
                "Parameter Store: reads a second", _REGION, 40, None, readers / ASSUMED.switch_read_seconds
            ),
            Limit("KMS: requests a second", _REGION, 20_000, None, self._key_requests),
            *(
                [Limit("Cognito: sign-ins a second", _REGION, 120, None, self.peak)]
                if self.settings.has_user_pool
                else []
            ),
        ]

    @property
    def guides_per_month(self) -> float:
        """Chat contacts that show agents who calls. Their price is none of the bill: it is not known here."""
        calls = self.load.calls_per_hour * self.load.busy_hours_per_month
        return calls if self.settings.agent_guide else 0

    @property
    def _concurrent_calls(self) -> int:
        return most_at_once(self.peak * self._call_seconds)

    @property
    def _key_requests(self) -> float:
        """A second, at most: as if each execution environment cached the key for itself."""
        return sum(map(most_at_once, self.executions.values())) / ASSUMED.key_cached_seconds

    def calls_per_hour_within(self, name: str) -> float:
        """Up to how many calls an hour a quota is enough, to 1 in 1,000; infinite beyond the maximum."""
        enough, too_many = 1.0, MAX_CALLS_PER_HOUR * 1.002
        while too_many / enough > 1.001:
            middle = math.sqrt(enough * too_many)
            plan = Plan(replace(self.load, calls_per_hour=middle), self.settings)
            if next(limit.holds for limit in plan.limits if limit.name == name):
                enough = middle
            else:
                too_many = middle
        return math.inf if enough >= MAX_CALLS_PER_HOUR else enough

    @property
    def bill(self) -> Sequence[Item]:
        """A month, without agents' wages. Prices are those of AWS's price list of the day that is named."""
        load, settings = self.load, self.settings
        calls = load.calls_per_hour * load.busy_hours_per_month
        requests, invocations = calls * _total("per_call", REQUESTS), calls * _total("per_call")
        minutes = calls * self._call_seconds / 60
        gb_seconds = sum(self.executions.values()) / self.peak * calls * settings.memory_mib / 1_024
        logs = (invocations * ASSUMED.invocation_log_kb + requests * ASSUMED.request_log_kb) / 1e6
        kept_months = settings.log_retention_days / 30
        # A message is sent, received and deleted; five pollers read an empty queue three times a minute.
        messages = 3 * calls * ASSUMED.contact_events + 5 * 3 * 60 * 24 * 30
        begun = requests + calls * (ASSUMED.contact_events + 1)
        first_of_seconds = 3 * 3_600 * load.busy_hours_per_month  # of requests, of events, of flows
        traces = min(begun, begun * ASSUMED.traced_share + first_of_seconds)
        users = calls / ASSUMED.calls_per_user_and_month if settings.has_user_pool else 0
        return [
            Item("Connect: voice, AI features included", minutes, 0.038, "minute", "2026-10-07"),
            Item("Connect: in-app calling", minutes, 0.010, "minute", _REMEMBERED),
            Item("Cognito: active users, plan Plus", users, 0.020, "user", "2026-09-20"),
            Item("API Gateway: requests", requests, 3.50e-6, "request", "2026-09-05"),
            Item("Lambda: requests", invocations, 0.20e-6, "request", "2026-10-01"),
            Item("Lambda: duration, arm64", gb_seconds, 13.3334e-6, "GB-second", "2026-10-01"),
            Item("DynamoDB: writes", calls * _total("write_units"), 0.7423e-6, "write unit", "2026-06-08"),
            Item("DynamoDB: reads", calls * _total("read_units"), 0.1487e-6, "read unit", "2026-06-08"),
            Item("SQS: requests", messages, 0.40e-6, "request", "2026-09-11"),
            Item("KMS: key", 1, 1.0, "key", "2026-09-11"),
            Item("KMS: requests", self._key_requests * 30 * 86_400, 3.0e-6, "request", "2026-09-11"),
            Item("WAF: web ACL", 1, 5.0, "web ACL", _QUOTED),
            Item("WAF: rules", ASSUMED.firewall_rules, 1.0, "rule", _QUOTED),
            Item("WAF: requests", requests, 0.60e-6, "request", _QUOTED),
            Item("CloudWatch: logs written", logs, 0.5985, "GB", "2026-09-22"),
            Item("CloudWatch: logs kept", logs * kept_months, 0.0315, "GB-month", "2026-09-22"),
            Item("CloudWatch: metrics", ASSUMED.metrics, 0.30, "metric", "2026-09-22"),
            Item("CloudWatch: alarms", ASSUMED.alarms, 0.10, "alarm", "2026-09-22"),
            Item("CloudWatch: composite alarm", 1, 0.50, "composite alarm", _QUOTED),
            Item("X-Ray: traces", traces, 5.0e-6, "trace", _REMEMBERED),
            Item("Answers to the apps", calls * ASSUMED.answers_kb / 1e6, 0.09, "GB", "2026-09-16"),
        ]


def most_at_once(mean: float) -> int:
    """How many of independent things go on in 99.9 % of moments, when `mean` do on average (Poisson)."""
    number = math.ceil(mean + 10 * math.sqrt(mean) + 10)
    probability = math.exp(number * math.log(mean) - mean - math.lgamma(number + 1))
    beyond = 0.0
    while beyond + probability <= _REFUSED:
        beyond += probability
        probability *= number / mean
        number -= 1
    return number


def _total(what: str, operations: Sequence[Operation] = OPERATIONS) -> float:
    """Of one call."""
    return float(
        sum(getattr(each, what) * (1 if what == "per_call" else each.per_call) for each in operations)
    )
