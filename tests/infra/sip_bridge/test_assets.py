"""What the functions ship because of the SIP bridge, and that without it they ship nothing of it."""

from __future__ import annotations

import json
from copy import replace
from pathlib import Path

import pytest

from infra.assets.bundling import FunctionSource, bundle, bundle_dependencies
from infra.functions.sources import AWS_OPERATIONS as CORE_AWS_OPERATIONS
from infra.functions.sources import SOURCES
from infra.sip_bridge.attachment import SipBridgeTransport
from infra.sip_bridge.functions import media_application, resources
from infra.sip_bridge.stack import AWS_OPERATIONS
from tests.infra.endpoints import assert_endpoints_as_by_rules
from tests.infra.handlers import ENVIRONMENT, shipped, start
from tests.infra.synthesis import CHECKOUT, Synthesis
from tests.infra.test_functions import functions

CALL_FUNCTIONS = ("start_call", "call_control", "contact_events", "caller_context")
BRIDGED = {
    name: replace(SOURCES[name], extra_modules=SipBridgeTransport.modules) for name in CALL_FUNCTIONS
} | {source.package: source for source in (media_application.SOURCE, resources.SOURCE)}
OVER_THE_BRIDGE = ENVIRONMENT | {
    "CALL_TRANSPORT": "sip_bridge",
    "BRIDGED_CALLS_TABLE": "bridged-calls",
    "SIP_MEDIA_APPLICATION_ID": "s",
    "CALLER_NUMBER": "+12065550100",
    "CONNECT_NUMBER": "+12065550101",
    "SIP_HEADERS": "{}",
    "EXTERNAL_MEETING_ID": "InAppCalling-test",
    "VOICE_CONNECTOR_ARN": "arn:aws:chime:eu-west-2:111122223333:vc/v",
}


@pytest.fixture(params=BRIDGED)
def source(request: pytest.FixtureRequest) -> FunctionSource:
    return BRIDGED[request.param]


@pytest.fixture(scope="module")
def layer() -> Path:
    return bundle_dependencies(CHECKOUT, [*CORE_AWS_OPERATIONS, *AWS_OPERATIONS])


def test_an_asset_holds_only_packages_that_its_handler_imports(source: FunctionSource, layer: Path) -> None:
    assert shipped(bundle(CHECKOUT, source)) == start(source, layer, OVER_THE_BRIDGE).of_asset


def test_both_stacks_have_one_layer(bridged: Synthesis) -> None:
    layers = [stack.the("AWS::Lambda::LayerVersion") for stack in bridged.with_functions]
    assert len(layers) == 2
    assert len({layer["Content"]["S3Key"] for layer in layers}) == 1


def test_the_layer_has_the_operations_that_the_bridge_calls(layer: Path) -> None:
    models = {
        path.parts[-3]: set(json.loads(path.read_text(encoding="utf-8"))["operations"])
        for path in (layer / "python" / "botocore" / "data").glob("*/*/service-2.json")
    }
    for operations in AWS_OPERATIONS:
        for service, names in operations.items():
            assert set(names) <= models[service]


def test_the_bridges_services_have_the_endpoints_that_their_rules_would_give_them(layer: Path) -> None:
    assert_endpoints_as_by_rules(layer)


def test_without_the_bridge_nothing_of_it_is_shipped(native: Synthesis) -> None:
    for function in functions(native).values():
        shipped_files = native.asset(function["Code"])
        assert shipped_files
        assert not [name for name in shipped_files if "sip" in name.lower()]
    for layer in native.resources("AWS::Lambda::LayerVersion").values():
        services = {
            name.split("/")[3] for name in native.asset(layer["Content"]) if "/botocore/data/" in name
        }
        assert "connect" in services
        assert not [service for service in services if service.startswith("chime")]
