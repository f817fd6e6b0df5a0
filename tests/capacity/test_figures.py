"""What the calculator has copied is still so where it was copied from."""

import re
from pathlib import Path

import pytest

from capacity import figures
from capacity.figures import ASSUMED, Price, Quota
from capacity.load import Settings
from capacity.usage import operations
from infra.configuration.functions import (
    MAX_EVENT_CONCURRENCY,
    MAX_RESERVED_CONCURRENCY,
    MIN_EVENT_CONCURRENCY,
)

CHECKOUT = Path(__file__).parents[2]


def source(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def number_in(name: str, pattern: str) -> int:
    (found,) = re.findall(pattern, source(name), re.MULTILINE)
    return int(found.replace("_", ""))


def test_the_configuration_takes_as_few_and_as_many_batches_of_events_at_once() -> None:
    assert figures.EVENT_BATCHES.value == MIN_EVENT_CONCURRENCY
    assert figures.EVENT_BATCHES.raised == f"by functions.event_concurrency, to {MAX_EVENT_CONCURRENCY:,}"


def test_contact_events_gets_as_many_events_in_a_batch_as_the_construct_says() -> None:
    batch_size = number_in("infra/constructs/contact_events.py", r"^ +batch_size=(\d+),$")
    assert batch_size == ASSUMED.events_of_a_batch


def test_the_switch_is_read_as_often_as_start_call_says() -> None:
    read_every = number_in("lambdas/start_call/switch.py", r"^READ_EVERY_SECONDS = (\d+)$")
    assert read_every == figures.SWITCH_READ_EVERY_SECONDS


def test_the_configuration_reserves_no_more_executions() -> None:
    assert figures.RESERVED_CONCURRENCY.value == MAX_RESERVED_CONCURRENCY


def test_the_firewall_has_as_many_rules() -> None:
    rules = re.findall(r"^ +_\w+_rules?\(\"", source("infra/constructs/firewall.py"), re.MULTILINE)
    assert len(rules) == ASSUMED.firewall_rules


@pytest.mark.parametrize(
    ("function", "milliseconds"),
    [
        ("start_call", figures.START_CALL_CPU_MS),
        ("call_control", figures.CALL_CONTROL_CPU_MS),
        ("contact_events", figures.CONTACT_EVENTS_CPU_MS),
        ("caller_context", figures.CALLER_CONTEXT_CPU_MS),
    ],
)
def test_cpu_times_are_about_those_of_the_last_benchmark(function: str, milliseconds: float) -> None:
    (row,) = re.findall(rf"^\| {function} \|(.+)\|$", source("docs/performance.md"), re.MULTILINE)
    assert float(row.split("|")[4]) == pytest.approx(milliseconds, rel=0.3)


def test_the_operations_are_of_functions_that_there_are() -> None:
    for operation in operations(Settings(has_user_pool=False)):
        assert (CHECKOUT / "lambdas" / operation.function / "handler.py").is_file()


def test_every_quota_of_aws_and_every_price_has_a_source_and_a_date() -> None:
    all_figures = [value for value in vars(figures).values() if isinstance(value, Quota | Price)]
    assert len(all_figures) > 30
    for figure in all_figures:
        assert figure.source
        assert figure.of is not None or figure in {figures.EVENT_BATCHES, figures.RESERVED_CONCURRENCY}
