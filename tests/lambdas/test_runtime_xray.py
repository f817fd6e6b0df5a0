"""Subsegments are what X-Ray's documentation says, hold nothing of a caller, and never cost a call."""

import json
import os
import re
from typing import Any

import pytest

from runtime import xray
from runtime.telemetry import traced, tracer

from tests.lambdas.events import LambdaContext

TRACE_ID = "1-6a000000-000000000000000000000001"
SAMPLED = f"Root={TRACE_ID};Parent=0000000000000001;Sampled=1;Lineage=1:00000000:0"


class FakeDaemon:
    """In place of the socket: keeps what is sent, or fails."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []
        self.failure: OSError | None = None

    def sendto(self, datagram: bytes, address: tuple[str, int]) -> None:
        assert address[1] > 0
        if self.failure is not None:
            raise self.failure
        header, _, document = datagram.partition(b"\n")
        assert json.loads(header) == {"format": "json", "version": 1}
        self.documents.append(json.loads(document))


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> FakeDaemon:
    fake = FakeDaemon()
    monkeypatch.setattr(tracer.provider, "_socket", fake)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", SAMPLED)
    return fake


@traced
def call_aws(*, fails: bool = False) -> str:
    if fails:
        raise ValueError("SECRET")
    return "SECRET"


def test_each_aws_call_is_a_subsegment_within_that_of_its_handler(daemon: FakeDaemon) -> None:
    @tracer.capture_lambda_handler(capture_response=False, capture_error=False)
    def handler(_event: object, _context: object) -> str:
        return call_aws()

    assert handler({}, LambdaContext()) == "SECRET"
    call, whole = daemon.documents
    assert [call["name"], whole["name"]] == ["call_aws", "## handler"]
    assert call["parent_id"] == whole["id"]
    assert whole["parent_id"] == "0000000000000001"
    for document in (call, whole):
        assert document["trace_id"] == TRACE_ID
        assert document["type"] == "subsegment"
        assert re.fullmatch(r"[0-9a-f]{16}", document["id"])
        assert document["start_time"] <= document["end_time"]
        assert "fault" not in document
    assert whole["annotations"].keys() == {"ColdStart", "Service"}
    assert "SECRET" not in json.dumps(daemon.documents)


def test_what_fails_is_a_fault_without_its_text(daemon: FakeDaemon) -> None:
    with pytest.raises(ValueError, match="SECRET"):
        call_aws(fails=True)
    assert daemon.documents[0]["fault"] is True
    assert "SECRET" not in json.dumps(daemon.documents)
    call_aws()
    assert daemon.documents[1]["parent_id"] == "0000000000000001"


@pytest.mark.parametrize(
    "header",
    ["", SAMPLED.replace("Sampled=1", "Sampled=0"), f"Root={TRACE_ID};Sampled=1", "Sampled=1", "nonsense"],
)
def test_an_invocation_that_is_not_sampled_sends_nothing(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    assert call_aws() == "SECRET"
    assert daemon.documents == []


@pytest.mark.parametrize(
    "failure", [BlockingIOError(), ConnectionRefusedError(), OSError(90, "Message too long")]
)
def test_a_daemon_that_takes_nothing_costs_nothing(daemon: FakeDaemon, failure: OSError) -> None:
    daemon.failure = failure
    assert call_aws() == "SECRET"


@pytest.mark.parametrize(
    ("address", "daemon_at"), [(None, ("127.0.0.1", 2000)), ("169.254.79.129:2000", ("169.254.79.129", 2000))]
)
def test_the_daemon_is_where_lambda_says(
    monkeypatch: pytest.MonkeyPatch, address: str | None, daemon_at: tuple[str, int]
) -> None:
    monkeypatch.setattr("socket.socket", lambda *_: FakeSocket())
    monkeypatch.delenv("AWS_XRAY_DAEMON_ADDRESS", raising=False)
    if address is not None:
        monkeypatch.setitem(os.environ, "AWS_XRAY_DAEMON_ADDRESS", address)
    assert xray.DaemonProvider()._daemon == daemon_at


class FakeSocket:
    """One that opens nothing."""

    def settimeout(self, seconds: float) -> None:
        assert seconds == 0
