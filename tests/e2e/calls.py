"""Calls that have come to a state, whatever they go over."""

from typing import Any

from local.clients.observer import eventually
from tests.e2e.answers import assert_call
from tests.e2e.aws import Aws, Caller


def queued(aws: Aws, caller: Caller, **body: Any) -> str:
    """A call that waits in a queue, also as its app reads it; returns the app's id of it."""
    call_id = str(assert_call(caller.start(body))["ContactId"])
    aws.contact_of(call_id)
    assert caller.comes_to(call_id, "QUEUED")
    return call_id


def read_what_is_known_of_waiting(aws: Aws, caller: Caller) -> None:
    """Each function reads a queue that no other has read for all of them."""
    with aws.nothing_read():
        assert caller.availability().status_code == 200
    with aws.nothing_read():
        call_id = queued(aws, caller)
        assert eventually(lambda: "PositionInQueue" in caller.read(call_id).json())
        assert caller.hang_up(call_id).status_code == 204


def connected(aws: Aws, caller: Caller, **body: Any) -> str:
    """A call that an agent has taken."""
    call_id = queued(aws, caller, **body)
    aws.happen(aws.contact_of(call_id)["ContactId"], "AgentConnected")
    assert caller.comes_to(call_id, "CONNECTED")
    return call_id
