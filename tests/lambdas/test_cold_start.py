"""What functions import and which clients they make at their start, which is most of what that takes."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runtime import aws

LAMBDAS = Path(aws.__file__).parents[1]
CLIENTS = {
    "start_call": ["dynamodb", "ssm", "connect"],
    "call_control": ["dynamodb", "connect", "connectparticipant", "connect"],
    "contact_events": ["dynamodb", "connect"],
    "caller_context": ["dynamodb"],
}
AUTHORIZER = {
    "ISSUER": "https://login.example/",
    "AUDIENCES": '["app"]',
    "TOKEN_USE": "access",
    "ALGORITHMS": '["ES256"]',
    "LEEWAY_SECONDS": "30",
    "REQUIRED_SCOPES": "[]",
    "REQUIRED_CLAIMS": "{}",
    "CLAIMS": "[]",
    "JWKS_URL": "https://127.0.0.1/jwks",
    "JWKS_FRESH_SECONDS": "60",
    "JWKS_STALE_SECONDS": "0",
}
# Sees clients as they are made and, before anything is imported, whether garbage is looked for by then.
STARTED = """
import gc, json, sys
clients, collecting = [], []

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("aws_lambda_powertools", "botocore", "joserfc", "urllib3"):
            collecting.append(gc.isenabled())
        if name == "runtime.telemetry" and "botocore.session" in sys.modules:
            session = sys.modules["botocore.session"].Session
            create = session.create_client
            def create_client(self, service, **options):
                clients.append(service)
                return create(self, service, **options)
            session.create_client = create_client

sys.meta_path.insert(0, Watch())
import {function}.handler
json.dump({{"modules": list(sys.modules), "clients": clients, "collecting": collecting}}, sys.stdout)
"""


@functools.cache
def start(function: str) -> Any:
    """What a function has imported and made when it is ready, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", STARTED.format(function=function)],
        env=os.environ | {"PYTHONPATH": str(LAMBDAS)} | (AUTHORIZER if function == "authorizer" else {}),
        cwd=LAMBDAS,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("function", CLIENTS)
def test_a_function_makes_its_own_clients_alone(function: str) -> None:
    assert start(function)["clients"] == CLIENTS[function]


@pytest.mark.parametrize("function", CLIENTS)
def test_a_function_imports_nothing_of_another_transport(function: str) -> None:
    imported = start(function)["modules"]
    assert "calls.webrtc" in imported
    assert not [name for name in imported if name.startswith("sip_bridge")]


def test_what_is_read_of_queues_is_imported_by_nothing_that_starts_a_call() -> None:
    modules = set(start("start_call")["modules"])
    of_waiting = {"calls.connect_queues", "calls.positions", "calls.queue_state", "calls.waiting_table"}
    assert not {"availability", "api.repeated_reads", "calls.readings", "zoneinfo", *of_waiting} & modules


def test_caller_context_imports_no_adapter_that_it_does_not_use() -> None:
    assert not {"calls.connect", "calls.participant_service"} & set(start("caller_context")["modules"])


@pytest.mark.parametrize("function", CLIENTS)
def test_urllib3_comes_before_every_other_package(function: str) -> None:
    """docs/performance.md has what that gives."""
    packages = [
        name
        for name in start(function)["modules"]
        if name in {"aws_lambda_powertools", "botocore", "urllib3"}
    ]
    assert packages[0] == "urllib3"
    assert len(packages) == 3


@pytest.mark.parametrize("function", [*CLIENTS, "authorizer"])
def test_garbage_is_left_alone_while_packages_are_imported(function: str) -> None:
    collecting = start(function)["collecting"]
    assert len(collecting) >= 2
    assert not any(collecting)


def test_the_authorizer_imports_neither_calls_nor_botocore() -> None:
    imported = start("authorizer")["modules"]
    rooms = {"api", "calls", "runtime", "botocore", "urllib3"}
    assert {name for name in imported if name.split(".")[0] in rooms and "." in name} == {
        "api.strict_json",
        "runtime.startup",
        "runtime.telemetry",
        "runtime.xray",
    }
