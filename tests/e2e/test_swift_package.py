"""An iOS app's calls: the Swift package against the real app, deployed into the local AWS."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from local.access import Access
from tests.contract.swift import SCRATCH, swift
from tests.e2e.aws import Aws, Caller

pytestmark = pytest.mark.slow

USERS = ("whole", "cut", "hasty", "requests", "calls", "faults", "slow")


def test_the_package_calls_through_the_deployed_app(
    aws: Aws, new_caller: Callable[..., Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = {name: new_caller().user.token for name in USERS} | {"nobody": "no-token"}
    access = {
        "apiURL": aws.outputs["ApiUrl"],
        "controlURL": f"{aws.outputs['EndpointUrl']}/_local",
        "controlHeader": Access.read(Path(aws.outputs["AccessFolder"])).control_headers,
        "tokens": tokens,
    }
    printed = swift(
        *("test", *SCRATCH, "--filter", "EndToEndTests"),
        environment=os.environ | {"IN_APP_CALLING_LOCAL_AWS": json.dumps(access)},
    )
    assert "Test run with 7 tests passed" in printed
