"""The calculator of `make capacity`, and docs/capacity.md, which shows its tables."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tools.capacity.__main__ import document, main
from tools.capacity.assumptions import ASSUMED, OPERATIONS
from tools.capacity.plan import Limit, Load, Plan, Settings, most_at_once

CHECKOUT = Path(__file__).parents[3]
DOCUMENT = (CHECKOUT / "docs" / "capacity.md").read_text(encoding="utf-8")
THOUSAND = ("--calls-per-hour", "1000", "--aht-seconds", "300")


def plan(
    calls_per_hour: float, aht_seconds: float = 300, *, has_user_pool: bool = True, **more: float
) -> Plan:
    load = Load(calls_per_hour=calls_per_hour, aht_seconds=aht_seconds, **more)
    return Plan(load, Settings(has_user_pool=has_user_pool))


def limit(of: Plan, name: str) -> Limit:
    (found,) = (each for each in of.limits if each.name.endswith(name))
    return found


def test_the_document_shows_the_calculators_tables() -> None:
    assert document(DOCUMENT) == DOCUMENT, "write them anew: .venv/bin/python -m tools.capacity --document"
    assert DOCUMENT.count("| --- |") == 4


# Textbook values of Erlang C: 10 Erlangs, calls of 180 s.
@pytest.mark.parametrize(("within", "agents", "waiting"), [(20, 14, 0.174), (0, 14, 0.174), (180, 12, 0.449)])
def test_agents_are_those_of_erlang_c(within: float, agents: int, waiting: float) -> None:
    staffed = plan(200, 180, answer_within_seconds=within)
    assert (staffed.offered, staffed.agents) == (10, agents)
    assert staffed.waiting == pytest.approx(waiting, abs=0.001)
    assert staffed.answered_in_time >= 0.8


def test_a_large_queue_is_calculated_as_a_small_one_is() -> None:
    """Its recursion begins below the load: what it leaves out has no weight."""
    large = plan(100_000)
    assert (large.agents, round(large.mean_wait_seconds, 1)) == (8_354, 10.8)


def test_agents_are_no_busier_than_they_may_be() -> None:
    assert plan(10_000, max_busy_percent=85).agents == 981


@pytest.mark.parametrize(("mean", "most"), [(0.1, 2), (1, 5), (100, 132)])
def test_most_at_once_is_the_poisson_distributions(mean: float, most: int) -> None:
    assert most_at_once(mean) == most


@pytest.mark.parametrize(("burst", "carries"), [(5, 0.46), (15, 0.78), (5_000, 0.99)])
def test_a_burst_decides_how_much_of_its_rate_a_throttle_carries(burst: int, carries: float) -> None:
    assert Limit("", "", 100, burst, 100 * carries).holds
    assert not Limit("", "", 100, burst, 100 * (carries + 0.03)).holds


def test_what_is_requested_is_enough_and_no_less_than_there_is() -> None:
    for calls in (10, 3_000, 70_000, 900_000):
        for each in plan(calls).limits:
            value, burst = each.to_request
            assert value >= each.value
            assert Limit(each.name, each.scope, value, burst, each.needed).holds


def test_a_quota_is_enough_just_up_to_the_calls_that_are_shown() -> None:
    most = plan(1_000).calls_per_hour_within("Connect: users")
    assert limit(plan(most), "users").holds
    assert not limit(plan(most * 1.01), "users").holds


def test_an_issuers_tokens_take_an_authorizer_and_no_sign_ins() -> None:
    pool, issuer = plan(50_000), plan(50_000, has_user_pool=False)
    assert issuer.executions.keys() - pool.executions.keys() == {"authorizer"}
    assert {each.name for each in pool.limits} - {each.name for each in issuer.limits} == {
        "Cognito: sign-ins a second"
    }
    assert next(item.quantity for item in issuer.bill if item.name.startswith("Cognito")) == 0


def test_a_guide_is_a_chat_of_each_call() -> None:
    load = Load(calls_per_hour=10_000, aht_seconds=300)
    plain, guided = Plan(load, Settings()), Plan(load, Settings(agent_guide=True))
    assert (plain.guides_per_month, guided.guides_per_month) == (0, 3_000_000)
    (added,) = set(guided.limits) - set(plain.limits)
    calls = next(limit for limit in plain.limits if limit.name == "Connect: concurrent active calls")
    assert (added.name, added.needed) == ("Connect: concurrent active chats", calls.needed)
    assert not added.holds


def test_reserved_concurrency_is_enough_for_a_burst_of_starts() -> None:
    assert plan(100).reserved_concurrency == 5
    assert plan(10_000).reserved_concurrency == limit(plan(10_000), "StartWebRTCContact").to_request[1]


def test_operations_are_of_functions_that_there_are() -> None:
    for each in OPERATIONS:
        assert (CHECKOUT / "lambdas" / each.function / "handler.py").is_file()


def test_cpu_time_is_about_that_of_the_last_benchmark() -> None:
    performance = (CHECKOUT / "docs" / "performance.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| start_call \|(.+)\|$", performance, re.MULTILINE)
    assert float(row.split("|")[3]) == pytest.approx(ASSUMED.cpu_ms, rel=0.3)


def test_the_command_shows_agents_quotas_settings_and_cost(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*THOUSAND, "--environment", "local"]) == 0
    shown = capsys.readouterr().out
    for part in (
        "agents at once",
        "StartWebRTCContact",
        "config/local.toml",
        "call_control_rate",
        "Connect: voice",
    ):
        assert part in shown
    assert "**" not in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give both CALLS_PER_HOUR and AHT_SECONDS: make capacity CALLS_PER_HOUR=1000 AHT_SECONDS=300"),
        (THOUSAND[:2], "give both"),
        ([*THOUSAND, "--calls-per-hour", "many"], "'many': give a number from 1 to 1,000,000"),
        ([*THOUSAND, "--aht-seconds", "nan"], "'nan': give a number from 1 to 14,400"),
        ([*THOUSAND, "--wrap-up-seconds", "300"], "WRAP_UP_SECONDS=300 must be less than AHT_SECONDS=300"),
        ([*THOUSAND, "--environment", "nowhere"], "one of: dev"),
    ],
)
def test_what_it_cannot_use_is_refused_with_the_fix(
    capsys: pytest.CaptureFixture[str], arguments: Sequence[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_the_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for name in Load.__dataclass_fields__:
        assert f"--{name.replace('_', '-')}" in shown
