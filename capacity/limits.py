"""Which limits a load meets, and at how many calls an hour each is met."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from capacity import figures
from capacity.figures import Quota, Scope
from capacity.load import Load, Settings
from capacity.plan import ACCEPTED_REFUSED, Plan
from capacity.throttle import refused_share
from capacity.usage import CONTACT_EVENTS
from infra.config import Configuration

_MOST_CALLS_PER_HOUR = 1e9


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A quota, and what one environment needs of it; `kept_back` of it cannot be used."""

    quota: Quota
    need: Callable[[Plan], float]
    kept_back: float = 0

    def needed(self, plan: Plan) -> float:
        """By all environments that share the quota."""
        return self.need(plan) * plan.sharing(self.quota)

    def holds(self, plan: Plan) -> bool:
        """Whether the quota is enough. A token bucket is when it refuses at most one request in 1,000."""
        if self.quota.burst is None:
            return self.needed(plan) <= self.quota.value - self.kept_back
        refused = refused_share(self.needed(plan), rate=self.quota.value, burst=self.quota.burst)
        return refused <= ACCEPTED_REFUSED

    def most_calls_per_hour(self, load: Load, settings: Settings) -> float:
        """Up to how many calls an hour it is enough, to one in a thousand and all else being as in `load`.

        0 where it never is, infinite where it always is.
        """

        def holds(calls_per_hour: float) -> bool:
            return self.holds(Plan(replace(load, calls_per_hour=calls_per_hour), settings))

        enough, too_many = 1.0, _MOST_CALLS_PER_HOUR
        if not holds(enough):
            return 0.0
        while too_many / enough > 1.001:
            middle = math.sqrt(enough * too_many)
            if holds(middle):
                enough = middle
            else:
                too_many = middle
        return math.inf if too_many == _MOST_CALLS_PER_HOUR else enough


def _asked_of(quota: Quota) -> Limit:
    """One of Connect's operations."""

    def need(plan: Plan) -> float:
        return plan.operation_per_second(quota)

    return Limit(quota=quota, need=need)


# What AWS gives at first, and what this app fixes.
LIMITS: Sequence[Limit] = (
    Limit(quota=figures.CONCURRENT_CALLS, need=lambda plan: plan.concurrent_calls),
    Limit(quota=figures.USERS, need=lambda plan: plan.agents),
    _asked_of(figures.START_WEBRTC_CONTACT),
    _asked_of(figures.STOP_CONTACT),
    _asked_of(figures.CREATE_PARTICIPANT),
    _asked_of(figures.CREATE_PARTICIPANT_CONNECTION),
    _asked_of(figures.SEND_MESSAGE),
    Limit(
        quota=figures.LAMBDA_CONCURRENCY,
        need=lambda plan: plan.lambda_concurrency,
        kept_back=figures.LAMBDA_UNRESERVED,
    ),
    Limit(quota=figures.RESERVED_CONCURRENCY, need=lambda plan: plan.reserved_concurrency),
    Limit(quota=figures.EVENT_BATCHES, need=lambda plan: plan.functions[CONTACT_EVENTS].executions),
    Limit(quota=figures.NEW_TABLE_WRITES, need=lambda plan: plan.write_units_per_second),
    Limit(quota=figures.TABLE_WRITES, need=lambda plan: plan.write_units_per_second),
    Limit(quota=figures.API_REQUESTS, need=lambda plan: plan.requests_per_second),
    Limit(quota=figures.EVENT_INVOCATIONS, need=lambda plan: plan.events_per_second),
    Limit(quota=figures.PARAMETER_READS, need=lambda plan: plan.parameter_reads_per_second),
    Limit(quota=figures.SIGN_INS, need=lambda plan: plan.sign_ins_per_second),
    Limit(quota=figures.KMS_REQUESTS, need=lambda plan: plan.key_requests_per_second),
)


def configured_limits(configuration: Configuration) -> Sequence[Limit]:
    """What `config/<environment>.toml` lets through."""
    quotas, api = configuration.connect.quotas, configuration.api

    def value(name: str, value: float, unit: str, burst: int | None = None) -> Quota:
        return Quota(
            name=name,
            scope=Scope.ENVIRONMENT,
            value=value,
            burst=burst,
            unit=unit,
            raised="in its file",
            source=f"config/{configuration.environment}.toml",
        )

    def throttle(name: str, rate: int, burst: int) -> Quota:
        return value(name, rate, "a second", burst)

    # None are reserved by default: functions share what the account has.
    reserved = configuration.functions.reserved_concurrency
    return (
        Limit(
            quota=throttle(
                "connect.quotas.start_webrtc_contact_rate",
                quotas.start_webrtc_contact_rate,
                quotas.start_webrtc_contact_burst,
            ),
            need=lambda plan: plan.peak_per_second,
        ),
        Limit(
            quota=throttle(
                "connect.quotas.call_control_rate, hanging up",
                quotas.call_control_rate,
                quotas.call_control_burst,
            ),
            need=lambda plan: plan.hang_ups_per_second,
        ),
        Limit(
            quota=throttle("api.status_rate", api.status_rate, api.status_burst),
            need=lambda plan: plan.status_reads_per_second,
        ),
        *(
            []
            if reserved is None
            else [
                Limit(
                    quota=value("functions.reserved_concurrency", reserved, "executions"),
                    need=lambda plan: plan.reserved_concurrency,
                )
            ]
        ),
        Limit(
            quota=value(
                "functions.event_concurrency", configuration.functions.event_concurrency, "executions"
            ),
            need=lambda plan: plan.functions[CONTACT_EVENTS].executions,
        ),
    )
