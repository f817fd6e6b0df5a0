"""The operator's switch stops new calls within seconds, and nothing that is not known counts as on."""

from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from runtime import aws
from runtime.errors import (
    AnswerIncomplete,
    CapacityReached,
    ConfigurationFault,
    ServiceError,
    TimedOut,
)

from calls.errors import CallingStopped
from start_call.switch import GOOD_FOR_SECONDS, READ_EVERY_SECONDS, Switch
from tests.lambdas.fake_parameters import FakeParameters

NAME = "/in-app-calling/test/Calling"
FAILURES: list[tuple[Any, type[ServiceError]]] = [
    ((400, "ParameterNotFound", {}), ConfigurationFault),
    ((400, "AccessDeniedException", {}), ConfigurationFault),
    ((400, "ThrottlingException", {}), CapacityReached),
    ((200, None, {"Parameter": {}}), AnswerIncomplete),
    ((200, None, {}), AnswerIncomplete),
    ((200, None, {"garbage": True}), AnswerIncomplete),
    (ReadTimeoutError(endpoint_url=""), TimedOut),
]


class Clock:
    """The time of a test, in milliseconds."""

    def __init__(self) -> None:
        self.now = 1_790_000_000_000

    def __call__(self) -> int:
        return self.now

    def pass_seconds(self, seconds: int) -> None:
        self.now += seconds * 1000


@pytest.fixture
def parameters() -> FakeParameters:
    return FakeParameters(NAME)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def switch(parameters: FakeParameters, clock: Clock) -> Switch:
    return Switch(parameters.attach(aws.client("ssm", read_timeout=2, repeats=False)), NAME, clock)


def test_calls_are_taken_while_the_switch_is_on(switch: Switch) -> None:
    switch.check()


@pytest.mark.parametrize("value", ["off", "", "ON", "On", " on", "on ", "true", "0"])
def test_any_other_value_stops_calls(switch: Switch, parameters: FakeParameters, value: str) -> None:
    parameters.value = value
    with pytest.raises(CallingStopped):
        switch.check()


def test_the_switch_is_read_once_for_all_calls_of_some_seconds(
    switch: Switch, parameters: FakeParameters, clock: Clock
) -> None:
    for _ in range(READ_EVERY_SECONDS):
        switch.check()
        clock.pass_seconds(1)
    assert parameters.reads == 1
    switch.check()
    assert parameters.reads == 2


def test_calls_stop_and_go_on_within_seconds(
    switch: Switch, parameters: FakeParameters, clock: Clock
) -> None:
    switch.check()
    parameters.value = "off"
    clock.pass_seconds(READ_EVERY_SECONDS)
    with pytest.raises(CallingStopped):
        switch.check()
    parameters.value = "on"
    clock.pass_seconds(READ_EVERY_SECONDS)
    switch.check()


@pytest.mark.parametrize(("failure", "error"), FAILURES)
def test_what_was_never_read_counts_as_off(
    switch: Switch, parameters: FakeParameters, failure: Any, error: type[ServiceError]
) -> None:
    parameters.faults = [failure]
    with pytest.raises(error):
        switch.check()
    switch.check()


@pytest.mark.parametrize(("failure", "error"), FAILURES)
def test_the_last_reading_is_good_for_a_minute_of_failures(
    switch: Switch, parameters: FakeParameters, clock: Clock, failure: Any, error: type[ServiceError]
) -> None:
    switch.check()
    parameters.faults = [failure] * 100
    for _ in range(GOOD_FOR_SECONDS // READ_EVERY_SECONDS - 1):
        clock.pass_seconds(READ_EVERY_SECONDS)
        switch.check()
    clock.pass_seconds(READ_EVERY_SECONDS)
    with pytest.raises(error):
        switch.check()


def test_a_failure_does_not_switch_calling_on_again(
    switch: Switch, parameters: FakeParameters, clock: Clock
) -> None:
    parameters.value = "off"
    with pytest.raises(CallingStopped):
        switch.check()
    parameters.faults = [(500, "InternalServerError", {})]
    clock.pass_seconds(READ_EVERY_SECONDS)
    with pytest.raises(CallingStopped):
        switch.check()


def test_a_slow_answer_is_waited_for_once_and_not_for_long(parameters: FakeParameters, clock: Clock) -> None:
    parameters.faults = [ReadTimeoutError(endpoint_url="")] * 2
    switch = Switch(parameters.attach(aws.client("ssm", read_timeout=2, repeats=False)), NAME, clock)
    with pytest.raises(TimedOut):
        switch.check()
    assert parameters.reads == 1
