import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import AnswerIncomplete

from calls.join_answer import to_start_call_response
from tests.lambdas.fake_connect import connection_of


def paths(part: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(part, dict):
        for name, inner in part.items():
            yield (*path, name)
            yield from paths(inner, (*path, name))


ANSWER = connection_of("c1")
FILLED = [
    ("ConnectionData", "Meeting", "MediaRegion"),
    ("ConnectionData", "Meeting", "MediaPlacement", "TurnControlUrl"),
    ("ConnectionData", "Meeting", "MediaPlacement", "EventIngestionUrl"),
    ("ConnectionData", "Meeting", "MeetingFeatures"),
    ("ConnectionData", "Meeting", "MeetingFeatures", "Audio"),
    ("ConnectionData", "Meeting", "MeetingFeatures", "Audio", "EchoReduction"),
]


def altered(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    answer = copy.deepcopy(ANSWER)
    part = answer
    for step in path[:-1]:
        part = part[step]
    if value is None:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return answer


def test_the_answer_is_what_connect_answered_with_the_media_placement_repeated() -> None:
    placement = ANSWER["ConnectionData"]["Meeting"]["MediaPlacement"]
    assert to_start_call_response(ANSWER, "eu-west-2") == {
        **ANSWER,
        "ConnectionData": {**ANSWER["ConnectionData"], "MediaPlacement": placement},
    }


@pytest.mark.parametrize("path", [path for path in paths(ANSWER) if path not in FILLED], ids=".".join)
@pytest.mark.parametrize("value", [None, "", " "], ids=["missing", "empty", "blank"])
def test_an_answer_without_a_credential_or_an_address_is_refused(
    path: tuple[str, ...], value: str | None
) -> None:
    with pytest.raises(AnswerIncomplete):
        to_start_call_response(altered(path, value), "eu-west-2")


@pytest.mark.parametrize("path", FILLED, ids=".".join)
def test_what_clients_decode_but_never_depend_on_is_filled(path: tuple[str, ...]) -> None:
    meeting = to_start_call_response(altered(path, None), "eu-west-2")["ConnectionData"]["Meeting"]
    assert meeting["MediaRegion"] == ("eu-west-2" if "MediaRegion" in path else "eu-central-1")
    assert meeting["MeetingFeatures"]["Audio"]["EchoReduction"] == (
        "UNAVAILABLE" if "MeetingFeatures" in path else "AVAILABLE"
    )
    assert meeting["MediaPlacement"]["TurnControlUrl"] == (
        "" if "TurnControlUrl" in path else "https://turn.example"
    )


def test_a_part_of_another_type_counts_as_absent() -> None:
    features = ("ConnectionData", "Meeting", "MeetingFeatures")
    meeting = to_start_call_response(altered(features, "text"), "eu-west-2")["ConnectionData"]["Meeting"]
    assert meeting["MeetingFeatures"] == {"Audio": {"EchoReduction": "UNAVAILABLE"}}


@given(
    kept=st.sets(st.sampled_from(list(paths(ANSWER)))),
)
def test_any_subset_of_an_answer_is_complete_or_refused(kept: set[tuple[str, ...]]) -> None:
    answer = copy.deepcopy(ANSWER)
    for path in paths(ANSWER):
        if path not in kept:
            part: Any = answer
            for step in path[:-1]:
                part = part.get(step, {})
            part.pop(path[-1], None)
    try:
        completed = to_start_call_response(answer, "eu-west-2")
    except AnswerIncomplete:
        return
    assert completed["ContactId"] == "c1"
    assert (
        completed["ConnectionData"]["MediaPlacement"]
        == completed["ConnectionData"]["Meeting"]["MediaPlacement"]
    )
