"""Which limits are met, and when."""

import math
from copy import replace
from pathlib import Path
from typing import Any

import pytest

from capacity import figures
from capacity.limits import LIMITS, Limit, configured_limits
from capacity.load import Load, Settings
from capacity.plan import Plan
from infra.config import load as load_configuration

CHECKOUT = Path(__file__).parents[2]
LOAD = Load(calls_per_hour=1, aht_seconds=300)
SETTINGS = Settings()


def most(limit: Limit, **changed: Any) -> float:
    return limit.most_calls_per_hour(replace(LOAD, **changed), SETTINGS)


def of(quota: figures.Quota) -> Limit:
    (found,) = (limit for limit in LIMITS if limit.quota is quota)
    return found


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.quota.name)
def test_a_limit_holds_up_to_its_calls_an_hour_and_not_beyond(limit: Limit) -> None:
    calls = most(limit)
    if math.isinf(calls):
        return
    assert limit.holds(Plan(replace(LOAD, calls_per_hour=calls), SETTINGS))
    assert not limit.holds(Plan(replace(LOAD, calls_per_hour=calls * 1.002), SETTINGS))


def test_calls_at_once_are_the_first_limit_and_starts_the_next() -> None:
    met = sorted(LIMITS, key=most)
    assert [limit.quota for limit in met[:2]] == [figures.CONCURRENT_CALLS, figures.START_WEBRTC_CONTACT]


def test_more_instances_carry_more_calls_but_start_no_more() -> None:
    assert most(of(figures.CONCURRENT_CALLS), instances=2) > 1.9 * most(of(figures.CONCURRENT_CALLS))
    starts = of(figures.START_WEBRTC_CONTACT)
    assert most(starts, instances=2) == pytest.approx(most(starts), rel=0.002)


def test_a_limit_that_one_call_is_too_much_for_is_enough_for_none() -> None:
    nothing = Limit(quota=replace(figures.USERS, value=0), need=lambda plan: plan.agents)
    assert most(nothing) == 0


def test_the_settings_of_an_environment_are_limits_too() -> None:
    configuration = load_configuration(CHECKOUT, "local")
    limits = {limit.quota.name: limit for limit in configured_limits(configuration)}
    starts = limits["connect.quotas.start_webrtc_contact_rate"].quota
    quotas = configuration.connect.quotas
    assert (starts.value, starts.burst) == (
        quotas.start_webrtc_contact_rate,
        quotas.start_webrtc_contact_burst,
    )
    assert limits["functions.event_concurrency"].quota.value == configuration.functions.event_concurrency
    assert all(0 < most(limit) < 1e7 for limit in limits.values())


def test_contact_events_of_an_environment_keep_up_with_the_more_calls_the_more_are_handled_at_once() -> None:
    configuration = load_configuration(CHECKOUT, "local")

    def enough_for(batches: int) -> float:
        functions = replace(configuration.functions, event_concurrency=batches)
        (limit,) = (
            limit
            for limit in configured_limits(replace(configuration, functions=functions))
            if limit.quota.name == "functions.event_concurrency"
        )
        return most(limit)

    assert enough_for(2) == pytest.approx(most(of(figures.EVENT_BATCHES)))
    assert enough_for(20) == pytest.approx(10 * enough_for(2), rel=0.002)
