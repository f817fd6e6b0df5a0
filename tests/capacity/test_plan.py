"""What a load asks for."""

import math
from dataclasses import replace
from typing import Any

import pytest

from capacity.costs import monthly_items
from capacity.figures import ASSUMED, CREATE_PARTICIPANT_CONNECTION, START_WEBRTC_CONTACT, STOP_CONTACT
from capacity.load import Load, Settings
from capacity.plan import ACCEPTED_REFUSED, Plan, Request, most_at_once
from capacity.throttle import refused_share
from capacity.usage import AUTHORIZER, CALL_CONTROL, CALLER_CONTEXT, CONTACT_EVENTS, START_CALL

LOAD = Load(calls_per_hour=36_000, aht_seconds=300)
SETTINGS = Settings()


def plan(settings: Settings = SETTINGS, **changed: Any) -> Plan:
    return Plan(replace(LOAD, **changed), settings)


def request(of: Plan, quota: object) -> Request:
    (found,) = (request for request in of.requests if request.quota is quota)
    return found


@pytest.mark.parametrize("mean", [0.001, 0.7, 5.0, 130.0, 100_000.0])
def test_most_at_once_is_exceeded_at_one_moment_in_a_thousand(mean: float) -> None:
    most = most_at_once(mean)

    def exceeded(number: int) -> float:
        """The probability of more than `number`, summed from there on up."""
        terms = range(number + 1, number + 40 + round(15 * math.sqrt(mean)))
        return math.fsum(math.exp(term * math.log(mean) - mean - math.lgamma(term + 1)) for term in terms)

    assert exceeded(most) <= 0.001
    assert most == 0 or exceeded(most - 1) > 0.001


def test_nothing_is_at_once_where_nothing_comes() -> None:
    assert most_at_once(0) == 0


def test_agents_are_for_the_hour_and_rates_for_its_peak() -> None:
    assert plan(peak_factor=1).agents == plan(peak_factor=3).agents
    assert plan().peak_per_second == pytest.approx(15)
    assert plan().offered == pytest.approx(3_000)
    assert plan().waits.answered_in_time >= 0.8
    assert plan().impatient_at_peak.abandoned > plan().impatient.abandoned


def test_a_caller_has_gone_during_the_wrap_up() -> None:
    without, with_ = plan(wrap_up_seconds=0), plan(wrap_up_seconds=60)
    assert without.agents == with_.agents
    assert without.call_seconds - with_.call_seconds == pytest.approx(60)
    assert without.concurrent_calls > with_.concurrent_calls


def test_a_quota_to_ask_for_holds_at_the_peak_and_is_never_less_than_what_there_is() -> None:
    for calls_per_hour in (10, 36_000, 1_000_000):
        for asked in plan(calls_per_hour=calls_per_hour).requests:
            refused = refused_share(asked.arrivals_per_second, rate=asked.rate, burst=asked.burst)
            assert refused <= ACCEPTED_REFUSED
            assert asked.rate >= asked.quota.value
            assert asked.burst >= max(asked.quota.burst or 0, asked.least_burst)


def test_instances_share_what_is_of_the_region_and_nothing_else() -> None:
    one, four = plan(), plan(instances=4)
    for quota in (START_WEBRTC_CONTACT, STOP_CONTACT):
        assert request(one, quota).arrivals_per_second == request(four, quota).arrivals_per_second
    participants = request(four, CREATE_PARTICIPANT_CONNECTION).arrivals_per_second
    assert participants * 4 == request(one, CREATE_PARTICIPANT_CONNECTION).arrivals_per_second
    assert four.offered * 4 == one.offered
    assert four.agents * 4 > one.agents


def test_executions_follow_littles_law() -> None:
    use = plan().functions[START_CALL]
    # 4 ms of CPU on 1,024 of 1,769 MiB, two writes and StartWebRTCContact.
    assert use.seconds == pytest.approx((4 * 1_769 / 1_024 + 2 * 6 + 300) / 1_000)
    assert use.executions == pytest.approx(15 * use.seconds)
    assert use.most_executions > use.executions


def test_more_memory_than_a_core_comes_with_makes_no_function_faster() -> None:
    seconds = [
        plan(Settings(memory_mib=memory)).functions[START_CALL].seconds for memory in (512, 1_769, 3_538)
    ]
    assert seconds[0] > seconds[1] == seconds[2]


def test_the_functions_may_take_every_start_that_the_api_lets_through_at_once() -> None:
    large = plan(calls_per_hour=1_000_000)
    assert large.reserved_concurrency >= request(large, START_WEBRTC_CONTACT).burst
    assert all(
        large.reserved_concurrency >= use.most_executions
        for use in large.functions.values()
        if use.name != CONTACT_EVENTS
    )


def test_contact_events_are_handled_at_80_percent_of_what_is_reserved_and_never_by_fewer_than_two() -> None:
    for calls_per_hour, least in ((10, 2), (36_000, 3), (1_000_000, 60)):
        asked = plan(calls_per_hour=calls_per_hour)
        needed = asked.functions[CONTACT_EVENTS].executions / 0.8
        assert asked.event_concurrency >= max(needed, least)
        assert asked.event_concurrency < max(needed + 1, 3)


def test_what_is_reserved_is_that_of_contact_events_and_of_the_others_alike() -> None:
    others = len(plan().functions) - 1
    assert plan().lambda_concurrency == others * plan().reserved_concurrency + plan().event_concurrency


def test_what_is_written_and_read_in_a_call() -> None:
    # Of 4 KiB: two writes of the start, one of the flow, four of events, those of hanging up, coming back and
    # digits; two of the index.
    writes = 4 * (2 + 1 + 4 + ASSUMED.hang_ups + ASSUMED.rejoins + ASSUMED.digit_requests) + 2
    assert plan().write_units_per_call == pytest.approx(writes)
    reads = ASSUMED.status_reads + ASSUMED.hang_ups + ASSUMED.rejoins + ASSUMED.digit_requests + 5 * 1.5
    assert plan().read_units_per_call == pytest.approx(reads)


def test_tokens_of_an_issuer_are_checked_by_a_function_and_cost_no_users() -> None:
    pool, issuer = plan(), plan(Settings(has_user_pool=False))
    assert set(pool.functions) == {START_CALL, CALL_CONTROL, CALLER_CONTEXT, CONTACT_EVENTS}
    assert set(issuer.functions) == {*pool.functions, AUTHORIZER}
    assert issuer.functions[AUTHORIZER].invocations_per_second == pytest.approx(issuer.requests_per_second)
    cached = plan(Settings(has_user_pool=False, token_cache_seconds=60))
    assert cached.functions[AUTHORIZER].invocations_per_second == pytest.approx(2 * cached.peak_per_second)
    assert issuer.sign_ins_per_second == 0 < pool.sign_ins_per_second
    assert not [item for item in monthly_items(issuer) if item.name.startswith("Cognito")]


def test_a_month_costs_its_calls() -> None:
    items = {item.name: item for item in monthly_items(plan())}
    calls = 36_000 * 300
    assert items["Connect: voice"].quantity == pytest.approx(calls * plan().call_seconds / 60)
    assert items["Connect: voice"].usd == pytest.approx(items["Connect: voice"].quantity * 0.038)
    assert items["Lambda: requests"].quantity == pytest.approx(calls * plan().invocations_per_call)
    costs = [item.usd for item in monthly_items(plan())]
    assert costs == sorted(costs, reverse=True)


def test_what_is_paid_by_the_month_is_paid_for_each_environment() -> None:
    of_one = {item.name: item.quantity for item in monthly_items(plan())}
    of_four = {item.name: item.quantity for item in monthly_items(plan(instances=4))}
    for name in ("KMS: customer key", "WAF: web ACL", "WAF: rules", "CloudWatch: alarms"):
        assert of_four[name] == 4 * of_one[name]
    assert of_four["DynamoDB: writes"] == pytest.approx(of_one["DynamoDB: writes"])
