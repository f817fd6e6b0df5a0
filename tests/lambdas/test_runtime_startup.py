"""What a function does before Lambda takes a snapshot of it, and when it goes on from one."""

import gc
import random
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import botocore
import pytest
from botocore.awsrequest import AWSPreparedRequest

from runtime import aws, startup
from runtime.startup import finish_init


class FakeHooks(ModuleType):
    """In place of the module that Lambda's runtime has."""

    def __init__(self) -> None:
        super().__init__("snapshot_restore_py")
        self.before: list[Callable[[], object]] = []
        self.after: list[Callable[[], object]] = []

    def register_before_snapshot(self, hook: Callable[[], object]) -> None:
        self.before.append(hook)

    def register_after_restore(self, hook: Callable[[], object]) -> None:
        self.after.append(hook)


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> FakeHooks:
    fake = FakeHooks()
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", fake)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    return fake


def test_a_snapshot_holds_no_connection(hooks: FakeHooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "_before_snapshot", [])
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    clients = [aws.client("dynamodb"), aws.client("connectparticipant", signed=False)]
    closed = []
    for client in clients:
        monkeypatch.setattr(client._endpoint.http_session, "close", lambda: closed.append("closed"))
    finish_init()
    for hook in hooks.before:
        hook()
    assert closed == ["closed"] * len(clients)


def test_processes_of_one_snapshot_draw_different_numbers(
    hooks: FakeHooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    finish_init()
    snapshot = random.getstate()
    drawn = set()
    for _ in range(3):
        random.setstate(snapshot)
        for hook in hooks.after:
            hook()
        drawn.add(random.random())  # noqa: S311 (the subject)
    assert len(drawn) == 3


@pytest.mark.parametrize("initialization", [None, "on-demand", "provisioned-concurrency"])
def test_without_a_snapshot_the_runtimes_module_is_not_imported(
    monkeypatch: pytest.MonkeyPatch, initialization: str | None
) -> None:
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.delenv("AWS_LAMBDA_INITIALIZATION_TYPE", raising=False)
    if initialization is not None:
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", initialization)
    finish_init()
    assert gc.isenabled()


def test_requests_say_what_sends_them_without_putting_it_together_each_time() -> None:
    client = aws.client("dynamodb")
    said: list[str] = []

    def refuse(request: AWSPreparedRequest, **_: object) -> None:
        header: Any = request.headers["User-Agent"]
        said.append(header.decode())
        raise ConnectionRefusedError

    client.meta.events.register_first("before-send.dynamodb.GetItem", refuse)
    with pytest.raises(ConnectionRefusedError):
        client.get_item(TableName="calls", Key={})
    assert client.meta.config.user_agent.startswith(f"Botocore/{botocore.__version__} Python/")
    # After it comes what Powertools adds.
    assert said[0].startswith(f"{client.meta.config.user_agent} PT/")
