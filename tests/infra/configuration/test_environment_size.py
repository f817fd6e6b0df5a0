"""What start_call receives in lists and tables fits into Lambda's environment variables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.configuration import Configuration
from infra.outputs import parameter_name
from tests.infra.configuration.files import (
    FLOW,
    UUID,
    Changes,
    Loader,
    changed,
    check_refused,
    faults_of,
    load_text,
    refused_key,
    toml_of,
)
from tests.infra.synthesis import Synthesis, synthesize_unchecked

LONG_NAMES = [f"{number:0128}" for number in range(25)]
LONG_METHODS = [f"{number:064}" for number in range(10)]


def topics_of(count: int) -> dict[str, str]:
    """Topics of which every other one leads to a flow that the instance has."""
    return {f"topic-{number:02}": FLOW if number % 2 else "billing" for number in range(count)}


def test_topics_are_taken_as_long_as_start_call_can_hold_them(load_changed: Loader) -> None:
    assert len(load_changed({"connect.topics": topics_of(17)}).connect.topics) == 17
    error = faults_of(load_changed, {"connect.topics": topics_of(18)})
    assert (error.key, error.value) == ("connect.topics", topics_of(18))
    assert error.fix.startswith("remove some, or shorten names: these 18 take 2")
    assert "leave start_call 2850 for all of connect.topics, attributes.from_caller," in error.fix


@pytest.mark.parametrize(
    ("key", "value", "count", "others"),
    [
        ("attributes.from_caller", LONG_NAMES, 25, {}),
        ("attributes.from_claims", {f"claim{name}": name for name in LONG_NAMES}, 25, {}),
        ("api.allowed_origins", [f"https://{name}.example.com" for name in LONG_NAMES], 25, {}),
        (
            "identity.authentication",
            {"topics": {topic: {"amr": LONG_METHODS} for topic in topics_of(5)}},
            5,
            {"connect.topics": dict.fromkeys(topics_of(5), "billing")},
        ),
    ],
)
def test_what_takes_the_most_is_named(
    load_changed: Loader, key: str, value: Any, count: int, others: Changes
) -> None:
    check_refused(load_changed, {**others, key: value}, key, f"these {count} take")


LONGEST_NUMBERS = {
    "calls": {
        "replay_seconds": 3_600,
        "reference_seconds": 7_200,
        "start_lease_seconds": 300,
        "longest_call_seconds": 86_400,
        "starts_per_window": 100,
        "window_seconds": 86_400,
        "starts_per_day": 100,
    }
}


@pytest.mark.slow  # synth after synth
def test_the_most_that_is_taken_fits_into_the_variables_of_a_function(tmp_path: Path) -> None:
    check_fullest_environment(tmp_path, dict)


def check_fullest_environment(directory: Path, way: Callable[[Changes], dict[str, Any]]) -> None:
    """In an environment and a Region with the longest names, and with numbers of the most digits."""
    name, region = "e" * 32, "ap-southeast-2"

    def load_far(changes: Changes) -> Configuration:
        toml = toml_of(changed(way({**LONGEST_NUMBERS, **changes}))).replace("eu-west-2", region)
        return load_text(directory, toml, name)

    def is_taken(changes: Changes) -> bool:
        return refused_key(load_far, changes) is None

    most = max(count for count in range(30) if is_taken({"connect.topics": topics_of(count)}))
    topics = {"connect.topics": topics_of(most)}
    # The name of an attribute takes what is left.
    fillings = (topics | {"attributes.from_caller": ["a" * length]} for length in range(128, 0, -1))
    fullest = load_far(next(filling for filling in fillings if is_taken(filling)))
    assert fullest.environment == name
    received = variables_of_start_call(synthesize_unchecked(fullest, directory / "cdk.out"))
    arns = json.loads(received["TOPIC_CONTACT_FLOW_ARNS"])
    assert arns == dict.fromkeys(topics_of(most), FLOW.replace("eu-west-2", region))
    # What Lambda counts is this text: its error is "…exceeded the 4KB limit. String measured: {"NAME":"…".
    assert len(json.dumps(received, separators=(",", ":"))) <= 4_096


def variables_of_start_call(synthesis: Synthesis) -> dict[str, str]:
    """What start_call receives, with what only AWS knows as long as it can be."""
    (variables,) = (
        function["Environment"]["Variables"]
        for function in synthesis.resources("AWS::Lambda::Function").values()
        if function["Handler"] == "start_call.handler.handler"
    )
    flow = FLOW.replace("eu-west-2", synthesis.configuration.region)
    # As CloudFormation names things: the stack, the logical id, and 13 characters.
    table = f"InAppCalling-{synthesis.environment}-Calling-{'T' * 21}-{'X' * 13}"
    longest = {
        "CALLING_PARAMETER": parameter_name(synthesis.environment, "Calling"),
        "CALLS_TABLE": table,
        "BRIDGED_CALLS_TABLE": table.replace("Calling", "SipBridge"),
        "CONNECT_NUMBER": f"+{'1' * 15}",
        "CALLER_NUMBER": f"+{'1' * 15}",
        "CONTACT_FLOW_ARN": flow,
        "SIP_MEDIA_APPLICATION_ID": UUID,
    }

    def text(name: str, value: Any) -> str:
        if isinstance(value, str):
            return value
        if "Fn::Join" in value:
            return "".join(part if isinstance(part, str) else flow for part in value["Fn::Join"][1])
        return longest[name]

    return {name: text(name, value) for name, value in variables.items()}
