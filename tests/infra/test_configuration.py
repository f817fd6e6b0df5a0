"""What a configuration file may say, and what its writer is told otherwise."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.assets.key_set import SIGNATURE_ALGORITHMS
from infra.config import (
    IN_APP_CALLING_REGIONS,
    SIP_MEDIA_APPLICATION_REGIONS,
    TRUSTED_ATTRIBUTES,
    AdoptedCallerNumber,
    AdoptedConnectNumber,
    AdoptedContactFlow,
    AdoptedInstance,
    AdoptedVoiceConnector,
    ClaimedConnectNumber,
    Configuration,
    OrderedCallerNumber,
    OwnContactFlow,
    OwnVoiceConnector,
    Route,
    Sandbox,
    SipBridge,
    environments,
    load,
)
from infra.config_section import ConfigurationError
from infra.identity_config import (
    AppleProvider,
    Authentication,
    GivenKeys,
    Issuer,
    KmsKeys,
    ManagedLogin,
    OidcProvider,
    PublishedKeys,
    SamlProvider,
    TokenUse,
    UserPool,
)
from infra.outputs import parameter_name
from tests.infra.synthesis import CHECKOUT, Synthesis, synthesize_unchecked

ACCOUNT = "111122223333"
UUID = "11111111-1111-4111-8111-111111111111"
INSTANCE = f"arn:aws:connect:eu-west-2:{ACCOUNT}:instance/{UUID}"
OTHER_INSTANCE = INSTANCE.replace("instance/1", "instance/2")
FLOW = f"{INSTANCE}/contact-flow/{UUID}"
VALID = tomllib.loads((CHECKOUT / "config" / "dev.toml").read_text(encoding="utf-8"))

# Stands for a key that is not there.
# Of a type whose text is the same in every process: it names tests.
MISSING = Ellipsis

type Loader = Callable[[Mapping[str, Any]], Configuration]


def write_checkout(root: Path, toml: str, name: str = "test") -> Path:
    """A checkout with the one environment `name`; returns `root`."""
    (root / "config").mkdir(exist_ok=True)
    (root / "config" / f"{name}.toml").write_text(toml, encoding="utf-8")
    flows = root / "infra" / "contact_flows"
    if not flows.exists():
        shutil.copytree(CHECKOUT / "infra" / "contact_flows", flows)
    return root


def toml_of(table: Mapping[str, Any], path: str = "") -> str:
    """TOML for nested tables of strings, numbers, booleans and lists: JSON writes those the same way."""
    lines = [f"[{path}]"] if path else []
    for key, value in table.items():
        if not isinstance(value, dict):
            lines.append(f"{quoted(key)} = {inline(value)}")
    for key, value in table.items():
        if isinstance(value, dict):
            lines.append(toml_of(value, f"{path}.{quoted(key)}" if path else quoted(key)))
    return "\n".join(lines)


def inline(value: object) -> str:
    """A value as TOML writes it within a line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return quoted(value)


def quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def changed(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The valid values with some set or, by MISSING, removed; keys are dotted."""
    values = deepcopy(VALID)
    for key, value in changes.items():
        *tables, last = key.split(".")
        table = values
        for part in tables:
            # routes[0]: a table of a list.
            name, _, number = part.partition("[")
            table = table[name][int(number[:-1])] if number else table.setdefault(name, {})
        if value is MISSING:
            table.pop(last, None)
        else:
            table[last] = value
    return values


@pytest.fixture(scope="session")
def load_changed(tmp_path_factory: pytest.TempPathFactory) -> Loader:
    root = tmp_path_factory.mktemp("configured")
    return lambda changes: load(write_checkout(root, toml_of(changed(changes))), "test")


def refusal(load_changed: Loader, changes: Mapping[str, Any]) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load_changed(changes)
    return caught.value


@pytest.mark.parametrize("environment", environments(CHECKOUT))
def test_every_environment_of_the_project_is_valid(environment: str) -> None:
    assert load(CHECKOUT, environment).environment == environment


def test_the_values_arrive_as_written(load_changed: Loader) -> None:
    configuration = load_changed(
        {
            "connect.contact_flow_arn": FLOW,
            "connect.topics": {"billing": "billing", "sales": FLOW},
            "identity.user_pool.passkey_relying_party": "app.example.com",
            "identity.user_pool.custom_attributes": ["plan"],
            "alarms.email": "on-call@example.com",
            "attributes.from_claims": {"custom:plan": "plan"},
        }
    )
    instance = configuration.connect.instance
    assert isinstance(instance, AdoptedInstance)
    assert instance.instance_arn == INSTANCE
    assert instance.verified_queue_arn == VALID["connect"]["verified_queue_arn"]
    assert instance.unverified_queue_arn == VALID["connect"]["unverified_queue_arn"]
    assert configuration.connect.contact_flow == AdoptedContactFlow(arn=FLOW)
    assert configuration.connect.topics == {
        "billing": OwnContactFlow(name="billing"),
        "sales": AdoptedContactFlow(arn=FLOW),
    }
    assert configuration.connect.quotas.start_webrtc_contact_rate == 2
    assert configuration.attributes.from_caller == ("order_id", "page")
    assert configuration.attributes.from_claims == {"custom:plan": "plan"}
    assert configuration.identity.source == UserPool(
        self_sign_up=True,
        password_length=12,
        token_minutes=60,
        refresh_token_days=7,
        passkey_relying_party="app.example.com",
        custom_attributes=("plan",),
        managed_login=None,
        providers=(),
    )
    assert configuration.identity.display_name_claim == "name"
    assert configuration.identity.authentication == {}
    assert configuration.calls.starts_per_day == VALID["calls"]["starts_per_day"]
    assert configuration.api.starts_per_ip_per_5_minutes == VALID["api"]["starts_per_ip_per_5_minutes"]
    assert configuration.alarms.email == "on-call@example.com"
    assert (configuration.capabilities.video, configuration.capabilities.screen_share) == (True, False)


@pytest.mark.parametrize("batches", [2, 1_000])
def test_contact_events_are_handled_in_as_many_batches_at_once_as_lambda_takes(
    load_changed: Loader, batches: int
) -> None:
    changes = {"functions.event_concurrency": batches}
    assert load_changed(changes).functions.event_concurrency == batches


def test_without_its_own_the_default_contact_flow_is_the_inbound_file(load_changed: Loader) -> None:
    assert load_changed({}).connect.contact_flow == OwnContactFlow(name="inbound")


def test_without_queues_every_flow_is_adopted(load_changed: Loader) -> None:
    connect = load_changed(
        {
            "connect.contact_flow_arn": FLOW,
            "connect.topics": {},
            "connect.verified_queue_arn": MISSING,
            "connect.unverified_queue_arn": MISSING,
        }
    ).connect
    assert connect.instance == AdoptedInstance(
        instance_arn=INSTANCE, verified_queue_arn=None, unverified_queue_arn=None
    )


def sandboxed(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "connect.instance_arn": MISSING,
        "connect.verified_queue_arn": MISSING,
        "connect.unverified_queue_arn": MISSING,
        "connect.sandbox": {"instance_alias": "my-sandbox"},
        **changes,
    }


def test_a_sandbox_stands_in_for_an_instance(load_changed: Loader) -> None:
    assert load_changed(sandboxed({})).connect.instance == Sandbox(instance_alias="my-sandbox")


# Key, value, and what the fix must say.
REFUSED: list[tuple[str, Any, str]] = [
    ("account", MISSING, "12 digits"),
    ("account", 111122223333, "in quotes"),
    ("account", "1111-2222-3333", "12 digits"),
    ("region", MISSING, "a Region with in-app calling"),
    ("region", "eu-west-1", "eu-west-2"),
    # Connect has in-app calling there, Lambda not all that the functions use.
    ("region", "us-gov-west-1", "eu-west-2"),
    ("connect", "arn:aws:connect", "[connect]"),
    ("connect.instance_arn", MISSING, "[connect.sandbox]"),
    ("connect.instance_arn", "", f"{INSTANCE.partition('instance/')[0]}instance/<uuid>"),
    ("connect.instance_arn", UUID, "ARN of a Connect instance"),
    ("connect.instance_arn", FLOW, "ARN of a Connect instance"),
    ("connect.instance_arn", f"{INSTANCE}\n", "ARN of a Connect instance"),
    ("connect.instance_arn", INSTANCE.replace("connect", "lex"), "ARN of a Connect instance"),
    ("connect.instance_arn", INSTANCE.replace("eu-west-2", "us-east-1"), "in us-east-1 but region is"),
    ("connect.instance_arn", INSTANCE.replace(ACCOUNT, "999988887777"), "account 999988887777"),
    ("connect.instance_arn", INSTANCE.replace("arn:aws:", "arn:aws-us-gov:"), "ARN of a Connect instance"),
    ("connect.verified_queue_arn", MISSING, f"{INSTANCE}/queue/<uuid>"),
    ("connect.verified_queue_arn", FLOW, "queue of this instance"),
    ("connect.unverified_queue_arn", f"{OTHER_INSTANCE}/queue/{UUID}", "queue of this instance"),
    ("connect.contact_flow_arn", "inbound", f"{INSTANCE}/contact-flow/<uuid>"),
    ("connect.contact_flow_arn", f"{OTHER_INSTANCE}/contact-flow/{UUID}", "of this instance"),
    ("connect.topics.billing", "biling", "billing, inbound"),
    ("connect.topics.billing", f"{OTHER_INSTANCE}/contact-flow/{UUID}", "of this instance"),
    ("connect.topics.billing", "", "string in quotes"),
    ("connect.topics.billing", 7, "string in quotes"),
    ("connect.topics.pay now", "billing", "1 to 64 of"),
    ("connect.instance", INSTANCE, "did you mean 'instance_arn'"),
    ("connect.quotas.start_webrtc_contact_rate", 0, "from 1"),
    ("connect.quotas.start_webrtc_contact_rate", -1, "from 1"),
    ("connect.quotas.start_webrtc_contact_rate", 0.5, "whole number"),
    ("connect.quotas.start_webrtc_contact_rate", True, "whole number"),
    ("connect.quotas.start_webrtc_contact_rate", "2", "whole number"),
    ("connect.quotas.start_webrtc_contact_burst", 0, "from 1"),
    ("connect.quotas.start_webrtc_contact_burst", MISSING, "AWS gives 5"),
    ("connect.quotas.call_control_rate", 0, "from 1"),
    ("connect.quotas.call_control_burst", MISSING, "AWS gives 8"),
    ("api.status_rate", 0, "from 1"),
    ("api.status_burst", MISSING, "at once"),
    ("connect.quotas.start_webrtc_contact_rates", 2, "did you mean 'start_webrtc_contact_rate'"),
    ("calls.replay_seconds", 0, "from 1 to 3600"),
    ("calls.reference_seconds", 9, "from 10"),
    ("calls.start_lease_seconds", 26, "longer than the function may run"),
    ("calls.longest_call_seconds", 59, "from 60"),
    ("calls.starts_per_window", 0, "from 1 to 100"),
    ("calls.window_seconds", 86_401, "to 86400"),
    ("calls.starts_per_day", MISSING, "24 hours"),
    ("calls.starts_per_day", 101, "from 1 to 100"),
    ("calls.starts_per_day", 9, "at least starts_per_window (10)"),
    ("calls.replay_second", 1, "did you mean 'replay_seconds'"),
    ("attributes.from_caller", MISSING, "a list"),
    ("attributes.from_caller", "order_id", "a list"),
    ("attributes.from_caller", ["order id"], "A-Z a-z 0-9 _ -"),
    ("attributes.from_caller", ["order_id", 7], "a list"),
    ("attributes.from_caller", ["page", "page"], "each once"),
    ("attributes.from_caller", ["page", "Page"], "in from_caller already"),
    *(
        ("attributes.from_caller", [name], "is a trusted attribute")
        for name in ("customer_id", "auth_status", "auth_time", "auth_token")
    ),
    ("attributes.from_caller", ["Auth_Status"], "is a trusted attribute"),
    ("attributes.from_claims.email", "auth_status", "is a trusted attribute"),
    ("attributes.from_claims.email", "page", "in from_caller already"),
    ("attributes.from_claims.email", "custom:email", "without the colon"),
    ("attributes.from_claims.sub", "customer_email", "of another claim already"),
    ("attributes.from_claims.name", "customer_name", "proves nothing"),
    ("attributes.from_claims.email", True, "string in quotes"),
    ("attributes.from_claims", ["email"], "[attributes.from_claims]"),
    ("attributes.from_claim", {}, "did you mean 'from_claims'"),
    ("capabilities.video", "yes", "true or false"),
    ("capabilities.video", 1, "true or false"),
    ("capabilities.screen_share", MISSING, "true or false"),
    ("capabilities.screenshare", True, "did you mean 'screen_share'"),
    ("identity.user_pool", MISSING, "or [identity.issuer]"),
    ("identity.user_pool", "pool", "[identity.user_pool]"),
    ("identity.user_pool.self_sign_up", MISSING, "true or false"),
    ("identity.user_pool.password_length", 7, "from 8"),
    ("identity.user_pool.token_minutes", 4, "from 5"),
    ("identity.user_pool.token_minutes", 1_441, "to 1440"),
    ("identity.user_pool.refresh_token_days", 0, "from 1"),
    ("identity.display_name_claim", "", "a claim"),
    ("identity.user_pool.passkey_relying_party", "https://example.com", "example.com"),
    ("identity.user_pool.passkey_relying_party", "localhost", "example.com"),
    ("identity.user_pool.mfa", True, "known here"),
    # Where these stood before there was anything but a user pool.
    ("identity.self_sign_up", True, "known here: authentication, display_name_claim, issuer, user_pool"),
    ("api.allowed_origins", ["*"], "[] for none"),
    ("api.allowed_origins", ["http://app.example.com"], "https://app.example.com"),
    ("api.allowed_origins", ["https://app.example.com/"], "without a path"),
    ("api.requests_per_ip_per_5_minutes", 9, "AWS WAF"),
    ("api.starts_per_ip_per_5_minutes", MISSING, "requests to start a call"),
    ("api.starts_per_ip_per_5_minutes", 9, "AWS WAF"),
    ("api.starts_per_ip_per_5_minutes", 1_001, "at most requests_per_ip_per_5_minutes (1000)"),
    ("api.origins", [], "known here"),
    ("functions.reserved_concurrency", 4, "start_webrtc_contact_burst"),
    ("functions.event_concurrency", MISSING, "batches of contact events"),
    ("functions.event_concurrency", 1, "from 2 to 1000"),
    ("functions.event_concurrency", 1_001, "from 2 to 1000"),
    ("functions.event_concurrency", 2.5, "whole number"),
    ("functions.memory_mib", 64, "from 128"),
    ("functions.log_retention_days", 0, "from 1"),
    ("functions.log_retention_days", 15, "1, 7, 14, 30"),
    ("functions.snap_start", MISSING, "true or false"),
    ("functions.snap_start", "PublishedVersions", "true or false"),
    ("functions.timeout", 30, "known here"),
    ("alarms.email", "on-call", "an address"),
    ("alarms.mail", "on-call@example.com", "did you mean 'email'"),
    ("alarm", {}, "did you mean 'alarms'"),
    ("stage", "prod", "known here: account, alarms"),
]


@pytest.mark.parametrize(("key", "value", "fix"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_wrong_value_is_refused_with_file_key_value_and_fix(
    load_changed: Loader, key: str, value: Any, fix: str
) -> None:
    error = refusal(load_changed, {key: value})
    assert (error.file, error.key) == ("config/test.toml", key)
    assert error.value == (None if value is MISSING else value)
    shown = "missing" if value is MISSING else repr(value)
    assert str(error) == f"config/test.toml: {key} = {shown}\n  Fix: {error.fix}"
    assert fix in error.fix


@pytest.mark.parametrize(
    ("changes", "key", "fix"),
    [
        ({"connect.sandbox": {"instance_alias": "d-mine"}}, "connect.sandbox.instance_alias", "1 to 45"),
        ({"connect.sandbox": {"instance_alias": "a" * 46}}, "connect.sandbox.instance_alias", "1 to 45"),
        ({"connect.sandbox": {"instance_alias": "a", "x": 1}}, "connect.sandbox.x", "known here"),
        ({"connect.verified_queue_arn": f"{INSTANCE}/queue/{UUID}"}, "connect.verified_queue_arn", "known"),
        ({"connect.contact_flow_arn": FLOW}, "connect.contact_flow_arn", "a sandbox has no contact-flow yet"),
        ({"connect.topics.billing": FLOW}, "connect.topics.billing", "a sandbox has no contact-flow yet"),
    ],
)
def test_a_sandbox_has_nothing_that_could_be_adopted(
    load_changed: Loader, changes: Mapping[str, Any], key: str, fix: str
) -> None:
    error = refusal(load_changed, sandboxed(changes))
    assert error.key == key
    assert fix in error.fix


def test_an_instance_and_a_sandbox_exclude_each_other(load_changed: Loader) -> None:
    error = refusal(load_changed, {"connect.sandbox": {"instance_alias": "mine"}})
    assert (error.key, error.value) == ("connect.instance_arn", INSTANCE)
    assert "remove one" in error.fix


def test_queues_that_no_flow_uses_are_refused(load_changed: Loader) -> None:
    error = refusal(load_changed, {"connect.contact_flow_arn": FLOW, "connect.topics": {}})
    assert error.key == "connect.verified_queue_arn"
    assert "every contact flow is adopted" in error.fix


ROUTE = {"host": "sip.example.com", "port": 5061, "protocol": "TCP", "priority": 1, "weight": 2}
BRIDGE: dict[str, Any] = {
    "call_rate": 1,
    "call_burst": 2,
    "control_rate": 5,
    "control_burst": 6,
    "caller_number": {"number": "+12065550100"},
    "connect_number": {"country": "GB", "type": "DID"},
    "voice_connector": {
        "require_encryption": True,
        "calls_per_second": 1,
        "calling_regions": ["GB"],
        "termination_cidrs": ["54.230.10.16/28"],
        "credentials_version": 1,
        "sip_message_logs": False,
        "routes": [ROUTE],
    },
}
CONNECTOR = f"arn:aws:chime:eu-west-2:{ACCOUNT}:vc/abcdef1ghij2klmno3pqr4"
NUMBER = f"arn:aws:connect:eu-west-2:{ACCOUNT}:phone-number/{UUID}"


def bridged(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "capabilities": {"video": False, "screen_share": False},
        "sip_bridge": deepcopy(BRIDGE),
        **changes,
    }


def test_without_its_section_there_is_no_bridge(load_changed: Loader) -> None:
    assert load_changed({}).sip_bridge is None


def test_a_bridges_values_arrive_as_written(load_changed: Loader) -> None:
    changes = {"sip_bridge.headers": {"order_id": "x-order-id", "page": "X-Page"}}
    assert load_changed(bridged(changes)).sip_bridge == SipBridge(
        call_rate=1,
        call_burst=2,
        control_rate=5,
        control_burst=6,
        caller_number=AdoptedCallerNumber(number="+12065550100"),
        connect_number=ClaimedConnectNumber(country="GB", type="DID"),
        voice_connector=OwnVoiceConnector(
            require_encryption=True,
            calls_per_second=1,
            calling_regions=("GB",),
            termination_cidrs=("54.230.10.16/28",),
            credentials_version=1,
            sip_message_logs=False,
            routes=(Route(host="sip.example.com", port=5061, protocol="TCP", priority=1, weight=2),),
        ),
        headers={"order_id": "x-order-id", "page": "X-Page"},
    )


def test_what_a_bridge_needs_may_be_adopted(load_changed: Loader) -> None:
    bridge = load_changed(
        bridged(
            {
                "sip_bridge.connect_number": {"arn": NUMBER, "number": "+442079460000"},
                "sip_bridge.voice_connector": {"arn": CONNECTOR},
            }
        )
    ).sip_bridge
    assert bridge is not None
    assert bridge.connect_number == AdoptedConnectNumber(arn=NUMBER, number="+442079460000")
    assert bridge.voice_connector == AdoptedVoiceConnector(arn=CONNECTOR)
    assert bridge.headers == {}


def moved(region: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A bridge in another Region, with a sandbox: no ARN names the first one then."""
    return sandboxed(bridged({"region": region, **changes}))


def test_a_number_is_ordered_where_there_are_some(load_changed: Loader) -> None:
    ordered = {"sip_bridge.caller_number": {"country": "US", "type": "TollFree"}}
    bridge = load_changed(moved("us-west-2", ordered)).sip_bridge
    assert bridge is not None
    assert bridge.caller_number == OrderedCallerNumber(country="US", type="TollFree")
    error = refusal(load_changed, bridged(ordered))
    assert (error.key, error.value) == ("sip_bridge.caller_number.country", "US")
    assert "us-east-1 and us-west-2 alone, and region is 'eu-west-2'" in error.fix


@pytest.mark.parametrize("region", sorted({*IN_APP_CALLING_REGIONS, *SIP_MEDIA_APPLICATION_REGIONS}))
def test_a_bridge_is_where_both_services_are(load_changed: Loader, region: str) -> None:
    if region in SIP_MEDIA_APPLICATION_REGIONS and region in IN_APP_CALLING_REGIONS:
        assert load_changed(moved(region, {})).sip_bridge is not None
    else:
        error = refusal(load_changed, moved(region, {}))
        assert (error.key, error.value) == ("region", region)


def test_a_bridge_is_refused_where_there_are_no_sip_media_applications(load_changed: Loader) -> None:
    error = refusal(load_changed, moved("af-south-1", {}))
    assert "a Region with SIP media applications: ap-northeast-1" in error.fix
    # Connect has no in-app calling there.
    assert "eu-west-1" not in error.fix


@pytest.mark.parametrize("capability", ["video", "screen_share"])
def test_a_bridge_carries_sound_alone(load_changed: Loader, capability: str) -> None:
    error = refusal(load_changed, bridged({f"capabilities.{capability}": True}))
    assert (error.key, error.value) == (f"capabilities.{capability}", True)
    assert "remove [sip_bridge]" in error.fix


def test_a_bridged_call_has_two_minutes_to_present_its_reference(load_changed: Loader) -> None:
    assert load_changed(bridged({"calls.reference_seconds": 120})).calls.reference_seconds == 120
    error = refusal(load_changed, bridged({"calls.reference_seconds": 119}))
    assert (error.key, error.value) == ("calls.reference_seconds", 119)
    assert "at least 120" in error.fix
    assert "remove [sip_bridge]" in error.fix
    # A contact that Connect makes at once presents it at once.
    assert load_changed({"calls.reference_seconds": 119}).calls.reference_seconds == 119


def test_attributes_of_callers_are_not_logged_with_sip_messages(load_changed: Loader) -> None:
    logs = {"sip_bridge.voice_connector.sip_message_logs": True}
    headers = {"sip_bridge.headers": {"order_id": "x-order-id"}}
    error = refusal(load_changed, bridged({**logs, **headers}))
    assert (error.key, error.value) == ("sip_bridge.voice_connector.sip_message_logs", True)
    assert "attributes of callers" in error.fix
    for changes in (logs, headers, {**logs, "sip_bridge.headers": {}}):
        assert load_changed(bridged(changes)).sip_bridge is not None
    # Of an adopted one nobody here knows what it logs.
    adopted = {"sip_bridge.voice_connector": {"arn": CONNECTOR}}
    assert load_changed(bridged({**adopted, **headers})).sip_bridge is not None


def test_the_flow_of_bridged_calls_is_no_topic(load_changed: Loader) -> None:
    for changes in ({}, bridged({})):
        error = refusal(load_changed, {**changes, "connect.topics.billing": "bridge"})
        assert error.key == "connect.topics.billing"
        assert error.fix.endswith("contact_flows: billing, inbound")


def test_bridged_calls_at_once_need_as_many_functions(load_changed: Loader) -> None:
    error = refusal(load_changed, bridged({"sip_bridge.call_burst": 11}))
    assert error.key == "functions.reserved_concurrency"
    assert "sip_bridge.call_burst" in error.fix
    # What Connect could be asked to start does not matter then.
    quota = {"connect.quotas.start_webrtc_contact_burst": 11}
    assert load_changed(bridged(quota)).connect.quotas.start_webrtc_contact_burst == 11
    refusal(load_changed, quota)


def test_a_sandbox_has_no_number_that_could_be_adopted(load_changed: Loader) -> None:
    changes = {"sip_bridge.connect_number": {"arn": NUMBER, "number": "+442079460000"}}
    error = refusal(load_changed, sandboxed(bridged(changes)))
    assert error.key == "sip_bridge.connect_number.arn"
    assert "claim one by country and type" in error.fix


VC = "voice_connector"
ROUTE_0 = "voice_connector.routes[0]"

# Key of sip_bridge, value, and what the fix must say.
REFUSED_OF_THE_BRIDGE: list[tuple[str, Any, str]] = [
    ("call_rate", 0, "from 1"),
    ("call_rate", MISSING, "AWS gives 1"),
    ("call_burst", 1.5, "whole number"),
    ("control_rate", MISSING, "AWS gives 5"),
    ("control_burst", True, "whole number"),
    ("calls_rate", 1, "did you mean 'call_rate'"),
    ("caller_number", "+12065550100", "[sip_bridge.caller_number]"),
    ("caller_number.number", "12065550100", "+12065550100"),
    ("caller_number.number", "+02065550100", "E.164"),
    ("caller_number.number", "+1206555010012345", "E.164"),
    ("caller_number.number", "+1 206 555 0100", "E.164"),
    ("caller_number.number", "+12065550100\n", "E.164"),
    ("caller_number.number", 12065550100, "E.164"),
    ("caller_number.country", "US", "known here: number"),
    ("connect_number.country", "UK of GB", "two capital letters"),
    ("connect_number.country", "gb", "two capital letters"),
    ("connect_number.country", MISSING, "arn and number"),
    ("connect_number.type", "Local", '"DID" or "TOLL_FREE"'),
    ("connect_number.number", "+442079460000", "known here: arn, country, type"),
    ("connect_number.arn", UUID, f"{NUMBER.partition('phone-number/')[0]}phone-number/<uuid>"),
    ("connect_number.arn", NUMBER.replace("eu-west-2", "us-east-1"), "arn:aws:connect:eu-west-2"),
    ("connect_number.arn", NUMBER.replace(ACCOUNT, "999988887777"), ACCOUNT),
    (f"{VC}.require_encryption", MISSING, "true or false"),
    (f"{VC}.require_encryption", "yes", "true or false"),
    (f"{VC}.calls_per_second", 0, "AWS gives 1"),
    (f"{VC}.calling_regions", [], '["US"]'),
    (f"{VC}.calling_regions", ["USA"], "two capital letters"),
    (f"{VC}.calling_regions", ["US", "US"], "each once"),
    (f"{VC}.termination_cidrs", MISSING, "/27 to /32"),
    (f"{VC}.termination_cidrs", [], "/27 to /32"),
    (f"{VC}.termination_cidrs", "54.230.10.16/28", "a list"),
    (f"{VC}.termination_cidrs", ["54.230.10.0/26"], "'54.230.10.0/26' is wider than /27"),
    (f"{VC}.termination_cidrs", ["54.230.10.16"], "is written '54.230.10.16/32'"),
    (f"{VC}.termination_cidrs", ["54.230.10.17/28"], "has host bits set"),
    (f"{VC}.termination_cidrs", ["54.230.10.16/255.255.255.240"], "written '54.230.10.16/28'"),
    (f"{VC}.termination_cidrs", ["sip.example.com/32"], "IPv4"),
    (f"{VC}.termination_cidrs", ["2600::/32"], "IPv4"),
    *(
        (f"{VC}.termination_cidrs", ["54.230.10.16/28", cidr], f"{cidr!r} is private, reserved")
        for cidr in (
            "10.0.0.0/28",
            "172.16.0.0/32",
            "192.168.1.0/27",
            "100.64.0.0/27",
            "127.0.0.1/32",
            "169.254.1.0/28",
            "224.0.0.0/28",
            "255.255.255.255/32",
            "0.0.0.0/32",
            # What AWS's own examples show.
            "203.0.113.0/28",
            "198.51.100.7/32",
        )
    ),
    (f"{VC}.credentials_version", 0, "raise it"),
    (f"{VC}.credentials_version", "2", "whole number"),
    (f"{VC}.sip_message_logs", MISSING, "true or false"),
    (f"{VC}.routes", MISSING, "[[sip_bridge.voice_connector.routes]]"),
    (f"{VC}.routes", [], "1 to 20 tables"),
    (f"{VC}.routes", [ROUTE] * 21, "1 to 20 tables"),
    (f"{VC}.routes", ["sip.example.com"], "1 to 20 tables"),
    (f"{VC}.routes", ROUTE, "1 to 20 tables"),
    (f"{VC}.arn", "vc/abc", "arn:aws:chime:eu-west-2"),
    (f"{VC}.arn", CONNECTOR.replace("eu-west-2", "us-east-1"), "arn:aws:chime:eu-west-2"),
    (f"{VC}.logs", True, "known here"),
    (f"{ROUTE_0}.host", MISSING, "domain name"),
    (f"{ROUTE_0}.host", "sip", "domain name"),
    (f"{ROUTE_0}.host", "sip.example.com:5061", "domain name"),
    (f"{ROUTE_0}.host", "sip_1.example.com", "domain name"),
    (f"{ROUTE_0}.host", "-.example.com", "domain name"),
    (f"{ROUTE_0}.host", "1.2.3.256", "domain name"),
    (f"{ROUTE_0}.host", "2600::1", "domain name"),
    (f"{ROUTE_0}.host", "10.0.0.1", "'10.0.0.1' is private"),
    (f"{ROUTE_0}.host", "203.0.113.5", "for documentation"),
    (f"{ROUTE_0}.port", 0, "from 1 to 65535"),
    (f"{ROUTE_0}.port", 65_536, "from 1 to 65535"),
    (f"{ROUTE_0}.protocol", "TLS", '"TCP" or "UDP"'),
    (f"{ROUTE_0}.protocol", "UDP", "require_encryption is true"),
    (f"{ROUTE_0}.priority", 101, "from 1 to 100"),
    (f"{ROUTE_0}.weight", 0, "from 1 to 100"),
    (f"{ROUTE_0}.prio", 1, "did you mean 'priority'"),
    ("headers.customer_email", "x-email", "one of the attributes.from_caller: order_id, page"),
    ("headers.order_id", "order-id", 'beginning with "x-"'),
    ("headers.order_id", "x-", 'beginning with "x-"'),
    ("headers.order_id", "x-order id", 'beginning with "x-"'),
    ("headers.order_id", "x-order\r\nx-chime-join-token", 'beginning with "x-"'),
    ("headers.order_id", f"x-{'a' * 63}", "at most 64"),
    ("headers.order_id", 1, "string in quotes"),
    *(
        ("headers.order_id", header, "AWS keeps those")
        for header in (
            "x-chime-join-token",
            "X-Chime-Meeting-Id",
            "X-AMZN-Trace-Id",
            "x-vc-order",
            "x-voice",
            "x-vine-1",
            "x-canary",
        )
    ),
]


@pytest.mark.parametrize(("key", "value", "fix"), REFUSED_OF_THE_BRIDGE, ids=lambda value: str(value)[:40])
def test_a_wrong_value_of_a_bridge_is_refused_with_file_key_value_and_fix(
    load_changed: Loader, key: str, value: Any, fix: str
) -> None:
    error = refusal(load_changed, bridged({f"sip_bridge.{key}": value}))
    assert (error.file, error.key) == ("config/test.toml", f"sip_bridge.{key}")
    assert error.value == (None if value is MISSING else value)
    assert fix in error.fix


def test_a_bridge_without_a_number_is_told_both_ways_to_one(load_changed: Loader) -> None:
    error = refusal(load_changed, bridged({"sip_bridge.caller_number": {}}))
    assert (error.key, error.value) == ("sip_bridge.caller_number.country", None)
    assert "where to order a number" in error.fix
    assert "the number of your Amazon Chime SDK inventory" in error.fix


def test_an_adopted_voice_connector_has_no_settings_here(load_changed: Loader) -> None:
    settings = {**BRIDGE["voice_connector"], "arn": CONNECTOR}
    error = refusal(load_changed, bridged({"sip_bridge.voice_connector": settings}))
    assert error.key == "sip_bridge.voice_connector.require_encryption"
    assert error.fix == "known here: arn"


def test_two_attributes_travel_in_two_headers(load_changed: Loader) -> None:
    headers = {"order_id": "x-order", "page": "X-Order"}
    error = refusal(load_changed, bridged({"sip_bridge.headers": headers}))
    assert (error.key, error.value) == ("sip_bridge.headers.page", "X-Order")
    assert "of another attribute already" in error.fix


def test_at_most_ten_attributes_travel(load_changed: Loader) -> None:
    names = [f"a{number}" for number in range(11)]
    for count in (10, 11):
        headers = {name: f"x-{name}" for name in names[:count]}
        changes = bridged({"attributes.from_caller": names, "sip_bridge.headers": headers})
        if count == 10:
            assert load_changed(changes).sip_bridge is not None
        else:
            error = refusal(load_changed, changes)
            assert error.key == "sip_bridge.headers.a10"
            assert "at most 10" in error.fix


def test_a_host_may_speak_udp_without_encryption(load_changed: Loader) -> None:
    changes = {"require_encryption": False, "routes": [{**ROUTE, "protocol": "UDP", "host": "54.230.10.17"}]}
    bridge = load_changed(
        bridged({"sip_bridge.voice_connector": {**BRIDGE["voice_connector"], **changes}})
    ).sip_bridge
    assert bridge is not None
    assert isinstance(bridge.voice_connector, OwnVoiceConnector)
    assert [route.protocol for route in bridge.voice_connector.routes] == ["UDP"]


LOGIN = {
    "domain_prefix": "acme-calls",
    "callback_urls": ["com.example.calls://signed-in"],
    "logout_urls": ["com.example.calls://signed-out"],
}
SECRET = f"arn:aws:secretsmanager:eu-west-2:{ACCOUNT}:secret:calls/acme-AbCdEf"
OIDC = {
    "type": "OIDC",
    "name": "Acme",
    "issuer": "https://acme.eu.auth0.com/",
    "client_id": "acme-client",
    "client_secret_arn": SECRET,
    "scopes": ["openid", "email"],
}
SAML = {"type": "SAML", "name": "Corp", "metadata_url": "https://sso.example.com/metadata?app=calls"}
APPLE = {
    "type": "SignInWithApple",
    "services_id": "com.example.calls.signin",
    "team_id": "TEAM123456",
    "key_id": "KEY1234567",
    "private_key_arn": SECRET,
}
PROVIDERS: list[dict[str, Any]] = [OIDC, SAML, APPLE]


def federated(changes: Mapping[str, Any]) -> dict[str, Any]:
    """A user pool with sign-in pages and a provider of each kind."""
    return {
        "identity.user_pool.managed_login": deepcopy(LOGIN),
        "identity.user_pool.providers": deepcopy(PROVIDERS),
        **changes,
    }


def test_a_user_pool_can_have_pages_and_providers_behind_it(load_changed: Loader) -> None:
    pool = load_changed(federated({})).identity.source
    assert isinstance(pool, UserPool)
    assert pool.managed_login == ManagedLogin(
        domain_prefix="acme-calls",
        callback_urls=("com.example.calls://signed-in",),
        logout_urls=("com.example.calls://signed-out",),
    )
    assert pool.providers == (
        OidcProvider(
            name="Acme",
            issuer="https://acme.eu.auth0.com/",
            client_id="acme-client",
            client_secret_arn=SECRET,
            scopes=("openid", "email"),
        ),
        SamlProvider(name="Corp", metadata_url="https://sso.example.com/metadata?app=calls"),
        AppleProvider(
            services_id="com.example.calls.signin",
            team_id="TEAM123456",
            key_id="KEY1234567",
            private_key_arn=SECRET,
        ),
    )
    assert [provider.name for provider in pool.providers] == ["Acme", "Corp", "SignInWithApple"]


def test_pages_do_not_need_a_provider(load_changed: Loader) -> None:
    pool = load_changed({"identity.user_pool.managed_login": {**LOGIN, "logout_urls": []}}).identity.source
    assert isinstance(pool, UserPool)
    assert pool.managed_login is not None
    assert (pool.managed_login.logout_urls, pool.providers) == ((), ())


@pytest.mark.parametrize(
    "url",
    [
        "com.example.calls://signed-in",
        "com.example.calls:/signed-in",
        "com.example.calls:///",
        "https://app.example.com",
        "https://app.example.com/signed-in?from=calls",
        "https://app.example.com:8443/",
        "http://localhost:3000/signed-in",
        "http://localhost",
        "http://127.0.0.1:3000",
        "http://[::1]:3000/",
    ],
)
def test_a_url_leads_to_the_app_and_nowhere_else(load_changed: Loader, url: str) -> None:
    for key in ("callback_urls", "logout_urls"):
        load_changed(federated({f"identity.user_pool.managed_login.{key}": [url]}))


ML = "managed_login"
APP_URLS = "http on localhost"

# Key of identity.user_pool, value, and what the fix must say.
REFUSED_OF_A_USER_POOL: list[tuple[str, Any, str]] = [
    (ML, MISSING, "Cognito's own pages"),
    (ML, True, "[identity.user_pool.managed_login]"),
    (f"{ML}.domain_prefix", MISSING, "lower-case letters"),
    (f"{ML}.domain_prefix", "Acme", "lower-case letters"),
    (f"{ML}.domain_prefix", "acme-", "inner hyphens"),
    (f"{ML}.domain_prefix", "acme.calls", "lower-case letters"),
    (f"{ML}.domain_prefix", "a" * 64, "1 to 63"),
    *((f"{ML}.domain_prefix", f"my-{word}-calls", repr(word)) for word in ("amazon", "aws", "cognito")),
    (f"{ML}.callback_urls", MISSING, APP_URLS),
    (f"{ML}.callback_urls", [], APP_URLS),
    (f"{ML}.callback_urls", [f"https://example.com/{number}" for number in range(21)], "at most 20"),
    (f"{ML}.callback_urls", ["com.example.calls://a", "com.example.calls://a"], "each once"),
    *(
        (f"{ML}.callback_urls", [url], APP_URLS)
        for url in (
            "calls://signed-in",
            "com.example.calls",
            "com.example.calls:signed-in",
            "COM.example.calls://signed-in",
            "http://app.example.com/",
            "http://localhost.example.com/",
            "http://127.0.0.2/",
            "https://",
            "https://user@example.com/",
            "https://user:password@example.com/",
            "https://example.com/#signed-in",
            "com.example.calls://signed-in#",
            "https://*.example.com/",
            "https://example.com/*",
            "com.example.calls://*",
            "https://example.com/ ",
            "https://example.com/\n",
            "https://example.com\\@evil.example/",
            "https://example.com/é",
            "javascript:alert(1)",
            "//example.com/",
            "",
            f"https://example.com/{'a' * 1_024}",
        )
    ),
    (f"{ML}.logout_urls", MISSING, "[] for none"),
    (f"{ML}.logout_urls", ["calls://out"], "[] for none"),
    (f"{ML}.css", "", "known here"),
    *(
        ("custom_attributes", value, 'without "custom:"')
        for value in ("plan", ["custom:plan"], [""], ["a" * 21], ["my plan"], ["é"], ["plan\n"], [7])
    ),
    ("custom_attributes", ["plan", "tier", "plan"], "each once"),
    ("custom_attributes", [f"attribute{number}" for number in range(51)], "at most 50"),
    ("providers", [], "1 to 20 tables"),
    ("providers", [OIDC] * 21, "1 to 20 tables"),
    ("providers", OIDC, "[[identity.user_pool.providers]]"),
    ("providers[0].type", MISSING, '"OIDC", "SAML" or "SignInWithApple"'),
    ("providers[0].type", "Google", '"OIDC", "SAML" or "SignInWithApple"'),
    ("providers[0].name", MISSING, "3 to 32"),
    ("providers[0].name", "AB", "3 to 32"),
    ("providers[0].name", "a" * 33, "3 to 32"),
    ("providers[0].name", "Acme_SSO", "3 to 32"),
    ("providers[0].name", "-Acme", "letter or digit first"),
    *(
        ("providers[0].name", name, "Cognito keeps this one")
        for name in ("COGNITO", "Google", "Facebook", "LoginWithAmazon", "signinwithapple")
    ),
    ("providers[1].name", "acme", "another provider"),
    ("providers[0].issuer", "http://acme.eu.auth0.com/", "https"),
    ("providers[0].issuer", "https://acme.eu.auth0.com/?a=b", "https"),
    ("providers[0].client_id", "", "without blanks"),
    ("providers[0].client_id", "a b", "without blanks"),
    ("providers[0].client_secret_arn", "s3cret", "what is secret never stands here"),
    ("providers[0].client_secret_arn", SECRET.replace("eu-west-2", "us-east-1"), "this account and Region"),
    ("providers[0].client_secret_arn", SECRET.replace(ACCOUNT, "999988887777"), "this account and Region"),
    ("providers[0].client_secret_arn", SECRET.removesuffix("-AbCdEf"), "<6 characters>"),
    ("providers[0].client_secret_arn", f"{SECRET}:SecretString", "<6 characters>"),
    ("providers[0].client_secret", "s3cret", "did you mean 'client_secret_arn'"),
    ("providers[0].scopes", ["email"], '"openid" among them'),
    ("providers[0].scopes", ["openid", "e mail"], '"openid" among them'),
    ("providers[0].scopes", ["openid", *map(str, range(10))], "at most 10"),
    ("providers[0].metadata_url", "https://example.com", "known here"),
    ("providers[1].metadata_url", "http://sso.example.com/metadata", "https"),
    ("providers[1].metadata_url", "com.example.calls://metadata", "https"),
    ("providers[1].issuer", "https://example.com", "known here"),
    ("providers[2].services_id", "com example", "Services ID"),
    ("providers[2].team_id", "team123456", "10 capital letters"),
    ("providers[2].key_id", "KEY", "10 capital letters"),
    ("providers[2].private_key_arn", MISSING, "ARN of a secret"),
    ("providers[2].private_key", "-----BEGIN", "did you mean 'private_key_arn'"),
    ("providers[2].name", "Apple", "known here"),
]


@pytest.mark.parametrize(("key", "value", "fix"), REFUSED_OF_A_USER_POOL, ids=lambda value: str(value)[:40])
def test_a_wrong_value_of_a_user_pool_is_refused_with_key_value_and_fix(
    load_changed: Loader, key: str, value: Any, fix: str
) -> None:
    error = refusal(load_changed, federated({f"identity.user_pool.{key}": value}))
    assert error.key == f"identity.user_pool.{key}"
    assert error.value == (None if value is MISSING else value)
    assert fix in error.fix


def test_users_sign_in_with_apple_through_one_provider(load_changed: Loader) -> None:
    error = refusal(load_changed, federated({"identity.user_pool.providers": [APPLE, SAML, APPLE]}))
    assert error.key == "identity.user_pool.providers[2].type"
    assert "another provider" in error.fix


@pytest.mark.parametrize("attributes", [MISSING, [], ["tier", "Plan"]])
@pytest.mark.parametrize(
    ("key", "value"),
    [("attributes.from_claims.custom:plan", "plan"), ("identity.display_name_claim", "custom:plan")],
)
def test_a_custom_claim_is_an_attribute_of_the_pool(
    load_changed: Loader, attributes: Any, key: str, value: str
) -> None:
    declared = "identity.user_pool.custom_attributes"
    error = refusal(load_changed, {declared: attributes, key: value})
    assert (error.key, error.value) == (key, value)
    assert f"add 'plan' to {declared}" in error.fix
    load_changed({declared: ["tier", "plan"], key: value})


def test_an_attribute_stays_in_the_pool_when_no_claim_is_mapped_any_more(load_changed: Loader) -> None:
    names = [f"a-{number}_B" for number in range(50)]
    pool = load_changed({"identity.user_pool.custom_attributes": names}).identity.source
    assert isinstance(pool, UserPool)
    assert pool.custom_attributes == tuple(names)


def test_a_custom_attributes_hyphen_may_be_part_of_the_claim_that_names_callers(load_changed: Loader) -> None:
    changes = {
        "identity.user_pool.custom_attributes": ["nick-name"],
        "identity.display_name_claim": "custom:nick-name",
    }
    assert load_changed(changes).identity.display_name_claim == "custom:nick-name"


ISSUER: dict[str, Any] = {
    "issuer": "https://login.example.com/",
    "audiences": ["https://calls.example.com"],
    "token_use": "access",
    "algorithms": ["RS256", "ES256"],
    "leeway_seconds": 30,
    "cache_seconds": 60,
    "required_scopes": ["calls"],
    "jwks_url": "https://login.example.com/jwks",
    "jwks_fresh_seconds": 300,
    "jwks_stale_seconds": 3_600,
}
KEY = f"arn:aws:kms:eu-west-2:{ACCOUNT}:key/{UUID}"
BY_URL = ("jwks_url", "jwks_fresh_seconds", "jwks_stale_seconds")


def issued(changes: Mapping[str, Any]) -> dict[str, Any]:
    """An issuer that publishes its keys, in place of a user pool."""
    return {"identity.user_pool": MISSING, "identity.issuer": deepcopy(ISSUER), **changes}


def with_keys(kind: str, value: Any) -> dict[str, Any]:
    """An issuer whose keys come from elsewhere."""
    return issued({f"identity.issuer.{key}": MISSING for key in BY_URL} | {f"identity.issuer.{kind}": value})


def test_an_issuers_values_arrive_as_written(load_changed: Loader) -> None:
    changes = {
        "identity.issuer.required_claims": {"azp": "app", "https://acme.example/tenant": "acme"},
        "identity.display_name_claim": "https://acme.example/name",
        "attributes.from_claims": {"https://acme.example/plan": "plan"},
    }
    configuration = load_changed(issued(changes))
    assert configuration.identity.source == Issuer(
        issuer="https://login.example.com/",
        audiences=("https://calls.example.com",),
        token_use=TokenUse.ACCESS,
        algorithms=("RS256", "ES256"),
        leeway_seconds=30,
        cache_seconds=60,
        required_scopes=("calls",),
        required_claims={"azp": "app", "https://acme.example/tenant": "acme"},
        keys=PublishedKeys(url="https://login.example.com/jwks", fresh_seconds=300, stale_seconds=3_600),
    )
    assert configuration.identity.display_name_claim == "https://acme.example/name"
    assert configuration.attributes.from_claims == {"https://acme.example/plan": "plan"}


def test_an_issuer_may_tell_its_key_sets_apart_by_a_query(load_changed: Loader) -> None:
    url = "https://acme.b2clogin.com/acme.onmicrosoft.com/discovery/v2.0/keys?p=b2c_1_sign-in"
    source = load_changed(issued({"identity.issuer.jwks_url": url})).identity.source
    assert isinstance(source, Issuer)
    assert isinstance(source.keys, PublishedKeys)
    assert source.keys.url == url


def test_users_are_those_of_a_pool_or_of_an_issuer(load_changed: Loader) -> None:
    error = refusal(load_changed, {"identity.issuer": ISSUER})
    assert error.key == "identity.issuer"
    assert "remove one" in error.fix


def test_an_issuers_keys_can_be_in_kms(load_changed: Loader) -> None:
    """Of any account; and replicas of keys of another Region have ids of another shape."""
    arns = [KEY, KEY.replace(ACCOUNT, "999988887777"), f"{KEY.partition('/')[0]}/mrk-{'0a' * 16}"]
    source = load_changed(with_keys("kms_keys", arns)).identity.source
    assert isinstance(source, Issuer)
    assert source.keys == KmsKeys(arns=tuple(arns))


def test_keys_come_from_one_place(load_changed: Loader) -> None:
    for more in ({"jwks_file": "keys.json"}, {"kms_keys": [KEY]}):
        ((kind, value),) = more.items()
        error = refusal(load_changed, issued({f"identity.issuer.{kind}": value}))
        assert (error.key, error.value) == (f"identity.issuer.{kind}", value)
        assert "only one" in error.fix


# Key of identity.issuer, value, and what the fix must say.
REFUSED_OF_AN_ISSUER: list[tuple[str, Any, str]] = [
    *(
        (key, value, "no fragment")
        for key in ("issuer", "jwks_url")
        for value in (
            "http://login.example.com/",
            "HTTPS://login.example.com/",
            "https://",
            "https:///jwks",
            "https://user@login.example.com/",
            "https://user:password@login.example.com/",
            "https://login.example.com/?",
            "https://login.example.com/?a=*",
            "https://login.example.com/#",
            "https://login.example.com/*",
            "https://login.example.com/ ",
            "https://login.example.com\n",
            "https://login.example.com\\.evil.example/",
            f"https://login.example.com/{'a' * 512}",
            "login.example.com",
            7,
        )
    ),
    ("issuer", MISSING, "character by character"),
    ("issuer", "https://login.example.com/?a=b", "no query"),
    ("jwks_url", MISSING, "jwks_file"),
    ("audiences", MISSING, "aud"),
    ("audiences", [], "aud"),
    ("audiences", [""], "aud"),
    ("audiences", ["a b"], "aud"),
    ("audiences", ["calls", "calls"], "each once"),
    ("audiences", list(map(str, range(11))), "at most 10"),
    ("token_use", MISSING, '"access"'),
    ("token_use", "refresh", '"access"'),
    ("algorithms", [], ", ".join(SIGNATURE_ALGORITHMS)),
    ("algorithms", ["none"], "RS256"),
    ("algorithms", ["HS256"], "RS256"),
    ("algorithms", ["Ed448"], "EdDSA"),
    ("algorithms", ["rs256"], "RS256"),
    ("algorithms", ["RS256", "RS256"], "each once"),
    ("leeway_seconds", -1, "from 0 to 120"),
    ("leeway_seconds", 121, "from 0 to 120"),
    ("cache_seconds", 301, "from 0 to 300"),
    ("required_scopes", MISSING, "[] for none"),
    ("required_scopes", ["calls mail"], "[] for none"),
    ("required_scopes", list(map(str, range(11))), "at most 10"),
    ("required_claims", ["azp"], "[identity.issuer.required_claims]"),
    ("required_claims.azp", "", "string in quotes"),
    ("required_claims.azp", 7, "string in quotes"),
    ("required_claims.azp", "a" * 257, "at most 256"),
    ("required_claims.custom:plan", "gold", "user pool"),
    *((f"required_claims.{claim}", "a", "remove it") for claim in ("iss", "aud", "exp", "scope", "scp")),
    ("jwks_fresh_seconds", 59, "from 60"),
    ("jwks_fresh_seconds", 86_401, "to 86400"),
    ("jwks_stale_seconds", -1, "from 0"),
    ("jwks_stale_seconds", 86_401, "to 86400"),
    ("jwks_uri", "https://login.example.com/jwks", "did you mean 'jwks_url'"),
]


@pytest.mark.parametrize(("key", "value", "fix"), REFUSED_OF_AN_ISSUER, ids=lambda value: str(value)[:40])
def test_a_wrong_value_of_an_issuer_is_refused_with_key_value_and_fix(
    load_changed: Loader, key: str, value: Any, fix: str
) -> None:
    error = refusal(load_changed, issued({f"identity.issuer.{key}": value}))
    assert error.key == f"identity.issuer.{key}"
    assert error.value == (None if value is MISSING else value)
    assert fix in error.fix


@pytest.mark.parametrize(
    ("arns", "fix"),
    [
        ([], "a list of ARNs"),
        (KEY, "a list of ARNs"),
        ([KEY.replace("eu-west-2", "eu-west-1")], "of this Region"),
        ([KEY.replace("arn:aws:", "arn:aws-us-gov:")], "arn:aws:kms:eu-west-2"),
        ([UUID], "key/<uuid>"),
        ([f"arn:aws:kms:eu-west-2:{ACCOUNT}:alias/tokens"], "key/<uuid>"),
        ([KEY, KEY], "each once"),
        ([f"{KEY.partition('/')[0]}/{number}{UUID[1:]}" for number in range(5)], "at most 4"),
    ],
)
def test_wrong_keys_of_kms_are_refused(load_changed: Loader, arns: Any, fix: str) -> None:
    error = refusal(load_changed, with_keys("kms_keys", arns))
    assert (error.key, error.value) == ("identity.issuer.kms_keys", arns)
    assert fix in error.fix


def test_id_tokens_have_no_scopes(load_changed: Loader) -> None:
    error = refusal(load_changed, issued({"identity.issuer.token_use": "id"}))
    assert (error.key, error.value) == ("identity.issuer.required_scopes", ["calls"])
    changes = {"identity.issuer.token_use": "id", "identity.issuer.required_scopes": []}
    source = load_changed(issued(changes)).identity.source
    assert isinstance(source, Issuer)
    assert source.token_use is TokenUse.ID


def test_at_most_ten_claims_are_required(load_changed: Loader) -> None:
    claims = {f"claim{number}": "a" for number in range(11)}
    error = refusal(load_changed, issued({"identity.issuer.required_claims": claims}))
    assert error.key == "identity.issuer.required_claims.claim10"
    del claims["claim10"]
    load_changed(issued({"identity.issuer.required_claims": claims}))


@pytest.mark.parametrize("claim", ["custom:plan", "a b", 'a"b', "é", "a" * 257, "https://acme.example/a b"])
def test_claims_are_such_as_an_issuer_has(load_changed: Loader, claim: str) -> None:
    for changes, key in (
        ({"identity.display_name_claim": claim}, "identity.display_name_claim"),
        ({"attributes.from_claims": {claim: "plan"}}, f"attributes.from_claims.{claim}"),
        (
            {"identity.issuer.required_claims": {claim: "gold"}},
            f"identity.issuer.required_claims.{claim}",
        ),
    ):
        error = refusal(load_changed, issued(changes))
        assert error.key == key
        assert "https://acme.example/plan" in error.fix


def test_a_user_pool_has_no_claims_that_are_urls(load_changed: Loader) -> None:
    error = refusal(load_changed, {"identity.display_name_claim": "https://acme.example/name"})
    assert error.key == "identity.display_name_claim"


def number(length: int, *, first: int = 0xFF) -> str:
    """A number of so many bytes in base64url."""
    return base64.urlsafe_b64encode(bytes([first]) + b"\x01" * (length - 1)).rstrip(b"=").decode()


RSA = {"kty": "RSA", "kid": "rsa", "n": number(256), "e": "AQAB"}
P_256 = {"kty": "EC", "crv": "P-256", "kid": "ec", "x": number(32), "y": number(32)}
P_384 = {"kty": "EC", "crv": "P-384", "kid": "ec3", "x": number(48), "y": number(48)}
P_521 = {"kty": "EC", "crv": "P-521", "kid": "ec5", "x": number(66, first=1), "y": number(66, first=1)}
ED_25519 = {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": number(32)}

type KeySetLoader = Callable[..., Configuration]


@pytest.fixture
def load_key_set(tmp_path: Path) -> KeySetLoader:
    """Loads an issuer with these keys in a file of the checkout, or with the file as it is."""

    def load_(keys: Any, algorithms: list[str], content: bytes | None = None) -> Configuration:
        changes = with_keys("jwks_file", "config/keys.json") | {"identity.issuer.algorithms": algorithms}
        checkout = write_checkout(tmp_path, toml_of(changed(changes)))
        file = checkout / "config" / "keys.json"
        file.write_bytes(json.dumps({"keys": keys}, indent=4).encode() if content is None else content)
        return load(checkout, "test")

    return load_


def fault(load_key_set: KeySetLoader, *of: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_key_set(*of)
    # Nothing of the file but its name is told.
    assert (caught.value.key, caught.value.value) == ("identity.issuer.jwks_file", "config/keys.json")
    return caught.value.fix


def test_keys_of_a_file_arrive_without_what_nobody_reads(load_key_set: KeySetLoader) -> None:
    more = {"use": "sig", "alg": "RS256", "key_ops": ["verify"], "x5c": ["MII" * 500], "x5t": "a", "é": 1}
    source = load_key_set([RSA | more, P_256], ["RS256", "ES256"]).identity.source
    assert isinstance(source, Issuer)
    assert isinstance(source.keys, GivenKeys)
    assert json.loads(source.keys.jwks) == {
        "keys": [RSA | {"use": "sig", "alg": "RS256", "key_ops": ["verify"]}, P_256]
    }
    assert " " not in source.keys.jwks
    assert source.keys.jwks.isascii()


def test_a_single_key_needs_no_name(load_key_set: KeySetLoader) -> None:
    for key, algorithms in (
        (RSA, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
        (P_256, ["ES256"]),
        (P_384, ["ES384"]),
        (P_521, ["ES512"]),
        (ED_25519, ["Ed25519"]),
    ):
        load_key_set([{name: value for name, value in key.items() if name != "kid"}], algorithms)


PRIVATE = {"d": "c2VjcmV0"}


@pytest.mark.parametrize(
    ("keys", "algorithms", "fix"),
    [
        ([], ["RS256"], "a key or more"),
        ({}, ["RS256"], "a key or more"),
        (["key"], ["RS256"], "keys[0]: make it an object"),
        ([P_256, RSA | PRIVATE], ["RS256", "ES256"], "keys[1]: take a new one"),
        ([P_256 | PRIVATE], ["ES256"], "not secret any more"),
        ([ED_25519 | PRIVATE], ["Ed25519"], "not secret any more"),
        ([{"kty": "oct", "k": "c2VjcmV0"}], ["RS256"], "not secret any more"),
        ([{"kty": "oct"}], ["RS256"], "use an RSA key"),
        ([{**RSA, "kty": 7}], ["RS256"], "write kty as a text"),
        ([{**RSA, "kid": 7}], ["RS256"], "write kid as a text"),
        ([{**RSA, "kid": ""}], ["RS256"], "1 to 256 printable"),
        ([{**P_256, "crv": "secp256k1"}], ["ES256"], "P-256, P-384 and P-521"),
        ([{**ED_25519, "crv": "X25519"}], ["Ed25519"], "Ed25519"),
        ([{**RSA, "crv": "P-256"}], ["RS256"], "use an RSA key"),
        ([{**RSA, "use": "enc"}], ["RS256"], "does not verify"),
        ([{**RSA, "key_ops": ["encrypt"]}], ["RS256"], "does not verify"),
        ([{**RSA, "key_ops": "verify"}], ["RS256"], "does not verify"),
        ([{**RSA, "alg": "ES256"}], ["ES256"], "write an alg that it can verify: RS256"),
        ([{**RSA, "alg": "PS256"}], ["RS256"], "allow one of its algorithms: PS256"),
        ([RSA], ["RS256", "ES256"], "add a key that verifies ES256"),
        ([{**RSA, "alg": "RS256"}], ["RS256", "RS512"], "add a key that verifies RS512"),
        ([RSA, P_256], ["RS256"], "keys[1]: remove it, or allow one of its algorithms: ES256"),
        ([{**RSA, "n": number(255)}], ["RS256"], "2,048 bits"),
        ([{**RSA, "n": number(256, first=0x7F)}], ["RS256"], "2,048 bits"),
        ([{**RSA, "n": "a b"}], ["RS256"], "write n in base64url"),
        ([{**RSA, "e": "A"}], ["RS256"], "write e in base64url"),
        ([{**RSA, "e": None}], ["RS256"], "write e in base64url"),
        ([{**P_256, "y": number(31)}], ["ES256"], "write y in base64url"),
        ([{**ED_25519, "x": number(33)}], ["Ed25519"], "write x in base64url"),
        ([RSA, {**P_256, "kid": "rsa"}], ["RS256", "ES256"], "a kid of its own"),
        ([RSA, {**P_256, "kid": None}], ["RS256", "ES256"], "a kid of its own"),
    ],
)
def test_a_wrong_key_is_refused_with_its_place(
    load_key_set: KeySetLoader, keys: Any, algorithms: list[str], fix: str
) -> None:
    told = fault(load_key_set, keys, algorithms)
    assert told.startswith("in that file, ")
    assert fix in told
    assert "c2VjcmV0" not in told


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        pytest.param(b"[" * 100_000, id="100,000 brackets"),
        b'{"keys": [], "keys": []}',
        b"[]",
        b'"keys"',
        b"{}",
    ],
)
def test_a_file_that_is_no_key_set_is_refused(load_key_set: KeySetLoader, content: bytes) -> None:
    assert re.search("JSON", fault(load_key_set, None, ["RS256"], content))


def test_keys_fit_into_what_a_function_can_be_told(load_key_set: KeySetLoader) -> None:
    keys = [RSA | {"kid": f"{number}", "n": "_" * 683} for number in range(4)]
    load_key_set(keys[:3], ["RS256"])
    told = fault(load_key_set, keys, ["RS256"])
    assert "fewer keys, or jwks_url" in told
    assert "2500" in told


@pytest.mark.parametrize(
    "name",
    ["", ".", "config", "config/none.json", "/etc/hostname", "../keys.json", "config/out.json", "é", 7],
)
def test_the_keys_are_in_the_checkout(tmp_path: Path, name: Any) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    write_checkout(checkout, toml_of(changed(with_keys("jwks_file", name))))
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [RSA, P_256]}), encoding="utf-8")
    (checkout / "config" / "out.json").symlink_to(tmp_path / "keys.json")
    with pytest.raises(ConfigurationError) as caught:
        load(checkout, "test")
    assert (caught.value.key, caught.value.value) == ("identity.issuer.jwks_file", name)
    assert "config/keys.json" in caught.value.fix


def test_for_each_topic_users_must_have_signed_in_as_it_says(load_changed: Loader) -> None:
    changes: dict[str, Any] = {
        "connect.topics": {"billing": "billing", "sales": FLOW},
        "identity.authentication": {
            "max_age_seconds": 86_400,
            "amr": ["mfa", "hwk"],
            "topics": {"billing": {"max_age_seconds": 300}, "sales": {"amr": ["mfa"]}},
        },
    }
    general = Authentication(max_age_seconds=86_400, amr=("mfa", "hwk"))
    of_topics = {
        "billing": Authentication(max_age_seconds=300, amr=()),
        "sales": Authentication(max_age_seconds=None, amr=("mfa",)),
    }
    assert load_changed(changes).identity.authentication == {"": general, **of_topics}
    # Some topics can ask for more where the others ask for nothing.
    del changes["identity.authentication"]["max_age_seconds"]
    del changes["identity.authentication"]["amr"]
    assert load_changed(changes).identity.authentication == of_topics


AUTHENTICATION: dict[str, Any] = {"amr": ["mfa"], "topics": {"billing": {"max_age_seconds": 300}}}


@pytest.mark.parametrize(
    ("key", "value", "fix"),
    [
        ("", {}, "amr, or both"),
        ("", True, "[identity.authentication]"),
        ("topics", {}, ""),
        ("topics.billing", {}, "amr, or both"),
        ("topics.sales", {"amr": ["mfa"]}, "known here: billing"),
        ("topics.billing.max_age_seconds", 59, "from 60"),
        ("topics.billing.max_age_seconds", 31_536_001, "to 31536000"),
        ("topics.billing.topics", {}, "known here: amr, max_age_seconds"),
        ("max_age_seconds", "300", "whole number"),
        ("amr", [], "RFC 8176"),
        ("amr", ["mfa,pwd"], "RFC 8176"),
        ("amr", ["[mfa]"], "RFC 8176"),
        ("amr", ["mfa", "mfa"], "each once"),
        ("amr", list(map(str, range(11))), "at most 10"),
        ("max_age", 300, "did you mean 'max_age_seconds'"),
    ],
)
def test_a_wrong_rule_of_signing_in_is_refused(load_changed: Loader, key: str, value: Any, fix: str) -> None:
    path = f"identity.authentication.{key}".rstrip(".")
    changes = {"identity.authentication": deepcopy(AUTHENTICATION)} | {path: value}
    if not fix:
        load_changed(changes)
        return
    error = refusal(load_changed, changes)
    assert error.key == (f"{path}.max_age_seconds" if value == {} and "both" in fix else path)
    assert fix in error.fix


@pytest.mark.parametrize(
    ("topics", "authentication"),
    [
        # Two topics with one flow, of which one asks for more.
        ({"billing": "billing", "account": "billing"}, {"topics": {"account": {"amr": ["mfa"]}}}),
        (
            {"billing": "billing", "account": "billing"},
            {"max_age_seconds": 60, "topics": {"account": {"amr": ["mfa"]}}},
        ),
        # A topic with the flow of calls without one.
        ({"general": "inbound"}, {"topics": {"general": {"amr": ["mfa"]}}}),
        ({"general": "inbound"}, {"amr": ["mfa"], "topics": {"general": {"amr": ["pwd"]}}}),
    ],
)
def test_a_rule_that_callers_could_walk_around_by_another_topic_is_refused(
    load_changed: Loader, topics: dict[str, str], authentication: dict[str, Any]
) -> None:
    error = refusal(load_changed, {"connect.topics": topics, "identity.authentication": authentication})
    assert error.key == "identity.authentication.topics"
    assert "the weaker rule" in error.fix


@pytest.mark.parametrize("claim", ["name", "preferred_username", "nickname", "given_name", "address"])
def test_what_an_issuers_users_write_themselves_is_no_trusted_attribute(
    load_changed: Loader, claim: str
) -> None:
    changes = issued({"attributes.from_claims": {claim: "customer_alias"}})
    assert "write this claim themselves" in refusal(load_changed, changes).fix


def test_topics_with_one_flow_may_have_one_rule(load_changed: Loader) -> None:
    rule = {"amr": ["mfa"]}
    changes: dict[str, Any] = {
        "connect.topics": {"billing": "billing", "account": "billing"},
        "identity.authentication": {"topics": {"billing": rule, "account": rule}},
    }
    assert len(load_changed(changes).identity.authentication) == 2


@pytest.mark.parametrize("toml", ["account = ", "account = 1\naccount = 2", "\x00"])
def test_a_file_that_is_no_toml_is_refused_with_the_place(tmp_path: Path, toml: str) -> None:
    with pytest.raises(ConfigurationError, match=r"config/test.toml: .*\(at ") as caught:
        load(write_checkout(tmp_path, toml), "test")
    assert "valid TOML" in caught.value.fix


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    write_checkout(tmp_path, "")
    (tmp_path / "config" / "test.toml").write_bytes("name = 'é'".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load(tmp_path, "test")


@pytest.mark.parametrize("environment", [None, "staging", "", "../dev", 7, True, ["dev"]])
def test_an_unknown_environment_is_refused_with_those_there_are(environment: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(CHECKOUT, environment)
    assert caught.value.value == environment
    known = environments(CHECKOUT)
    assert f"one of: {', '.join(known)} (the files of config/)" in caught.value.fix
    # Whichever way it came.
    assert f"make … ENV={known[0]}" in caught.value.fix
    assert f"cdk … -c environment={known[0]}" in caught.value.fix


def test_a_checkout_without_environments_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"write config/<environment>\.toml first"):
        load(tmp_path, "dev")


@pytest.mark.parametrize("name", ["Prod", "1st", "my_env", "a" * 33])
def test_an_environments_name_must_fit_into_a_stacks(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="part of stack names"):
        load(write_checkout(tmp_path, toml_of(VALID), name), name)


bridge_leaves = [
    *(f"sip_bridge.{key}" for key in BRIDGE),
    *(f"sip_bridge.{part}.{key}" for part in ("caller_number", "connect_number", VC) for key in BRIDGE[part]),
    *(f"sip_bridge.{ROUTE_0}.{key}" for key in ROUTE),
    "sip_bridge.headers",
]


identity_leaves = [
    *(
        f"user_pool.{key}"
        for key in (*VALID["identity"]["user_pool"], "custom_attributes", "managed_login", "providers")
    ),
    *(f"user_pool.managed_login.{key}" for key in LOGIN),
    *(f"user_pool.providers[{number}].{key}" for number, of in enumerate(PROVIDERS) for key in of),
    *(f"issuer.{key}" for key in (*ISSUER, "jwks_file", "kms_keys", "required_claims")),
    *("authentication", "authentication.amr", "authentication.max_age_seconds", "authentication.topics"),
    "display_name_claim",
]


def refused_key(load_changed: Loader, changes: Mapping[str, Any]) -> str | None:
    try:
        load_changed(changes)
    except ConfigurationError as error:
        return error.key
    return None


numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]))
values = st.one_of(numbers, texts, st.lists(texts | numbers), st.dictionaries(texts, texts | numbers))
leaves = [
    f"{path}.{key}"
    for path, table in [
        *((name, table) for name, table in VALID.items() if isinstance(table, dict)),
        *((f"connect.{name}", VALID["connect"][name]) for name in ("quotas", "topics")),
        ("identity.user_pool", VALID["identity"]["user_pool"]),
        ("attributes.from_claims", VALID["attributes"]["from_claims"]),
    ]
    for key in table
]


@given(key=st.sampled_from(["account", "region", *leaves]), value=values)
def test_whatever_a_value_is_it_is_taken_or_refused_by_key(
    load_changed: Loader, key: str, value: object
) -> None:
    # Another key may be at fault: two values can disagree, and a table holds several.
    refused = refused_key(load_changed, {key: value})
    assert refused is None or refused.startswith(("connect", "functions", key.partition(".")[0]))


@given(key=st.sampled_from(bridge_leaves), value=values)
def test_whatever_a_value_of_a_bridge_is_it_is_taken_or_refused_by_key(
    load_changed: Loader, key: str, value: object
) -> None:
    refused = refused_key(load_changed, bridged({key: value}))
    assert refused is None or refused.startswith(("sip_bridge", "functions"))


@given(key=st.sampled_from(identity_leaves), value=values)
def test_whatever_a_value_of_the_identity_is_it_is_taken_or_refused_by_key(
    load_changed: Loader, key: str, value: object
) -> None:
    of = federated if key.startswith("user_pool") else issued
    refused = refused_key(load_changed, of({f"identity.{key}": value}))
    assert refused is None or refused.startswith(("attributes.from_claims", "identity"))


@given(name=st.from_regex(r"[A-Za-z0-9_-]{1,128}", fullmatch=True))
def test_a_caller_sets_any_attribute_but_a_trusted_one(load_changed: Loader, name: str) -> None:
    changes = {"attributes.from_caller": [name], "attributes.from_claims": {}}
    if name.lower() in TRUSTED_ATTRIBUTES:
        refusal(load_changed, changes)
    else:
        assert load_changed(changes).attributes.from_caller == (name,)


@given(rate=st.integers(), burst=st.integers())
def test_quotas_below_one_are_refused(load_changed: Loader, rate: int, burst: int) -> None:
    changes = {
        "connect.quotas": {
            "start_webrtc_contact_rate": rate,
            "start_webrtc_contact_burst": burst,
            "call_control_rate": rate,
            "call_control_burst": burst,
        },
        "functions.reserved_concurrency": 1_000,
    }
    if 1 <= rate <= 10_000 and 1 <= burst <= 1_000:
        assert load_changed(changes).connect.quotas.start_webrtc_contact_burst == burst
    else:
        assert refusal(load_changed, changes).key.startswith(("connect.quotas.", "functions."))


def test_the_regions_are_named_in_order() -> None:
    assert sorted(IN_APP_CALLING_REGIONS) == list(IN_APP_CALLING_REGIONS)


def topics_of(count: int) -> dict[str, str]:
    """Topics of which every other one leads to a flow that the instance has."""
    return {f"topic-{number:02}": FLOW if number % 2 else "billing" for number in range(count)}


def test_topics_are_taken_as_long_as_start_call_can_be_told_of_them(load_changed: Loader) -> None:
    assert len(load_changed({"connect.topics": topics_of(17)}).connect.topics) == 17
    error = refusal(load_changed, {"connect.topics": topics_of(18)})
    assert (error.key, error.value) == ("connect.topics", topics_of(18))
    assert error.fix.startswith("remove some, or shorten names: these 18 take 2")
    assert "leave start_call 2850 for all of connect.topics, attributes.from_caller," in error.fix


LONG_NAMES = [f"{number:0128}" for number in range(25)]
LONG_METHODS = [f"{number:064}" for number in range(10)]


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
        (
            "sip_bridge.headers",
            {name: f"x-{name[-62:]}" for name in LONG_NAMES[:10]},
            10,
            bridged({"attributes.from_caller": LONG_NAMES[:10]}),
        ),
    ],
)
def test_when_start_call_cannot_be_told_all_what_takes_the_most_is_named(
    load_changed: Loader, key: str, value: Any, count: int, others: Mapping[str, Any]
) -> None:
    error = refusal(load_changed, {**others, key: value})
    assert (error.key, error.value) == (key, value)
    assert f"these {count} take" in error.fix


LONGEST_NUMBERS = {
    "calls": {
        "replay_seconds": 3_600,
        "reference_seconds": 3_600,
        "start_lease_seconds": 300,
        "longest_call_seconds": 86_400,
        "starts_per_window": 100,
        "window_seconds": 86_400,
        "starts_per_day": 100,
    }
}


@pytest.mark.parametrize("way", [dict, bridged], ids=["webrtc", "bridge"])
def test_the_most_that_is_taken_fits_into_the_variables_of_a_function(
    tmp_path: Path, way: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> None:
    """In an environment and a Region with the longest names, and with numbers of the most digits."""
    name, region = "e" * 32, "ap-southeast-2"

    def load_far(changes: Mapping[str, Any]) -> Configuration:
        toml = toml_of(changed(way({**LONGEST_NUMBERS, **changes}))).replace("eu-west-2", region)
        return load(write_checkout(tmp_path, toml, name), name)

    def is_taken(changes: Mapping[str, Any]) -> bool:
        return refused_key(load_far, changes) is None

    most = max(count for count in range(30) if is_taken({"connect.topics": topics_of(count)}))
    topics = {"connect.topics": topics_of(most)}
    # The name of an attribute takes what is left.
    fillings = (topics | {"attributes.from_caller": ["a" * length]} for length in range(128, 0, -1))
    fullest = load_far(next(filling for filling in fillings if is_taken(filling)))
    told = variables_of_start_call(synthesize_unchecked(fullest, tmp_path / "cdk.out"))
    arns = json.loads(told["TOPIC_CONTACT_FLOW_ARNS"])
    assert arns == dict.fromkeys(topics_of(most), FLOW.replace("eu-west-2", region))
    # What Lambda counts is this text: its error is "…exceeded the 4KB limit. String measured: {"NAME":"…".
    assert len(json.dumps(told, separators=(",", ":"))) <= 4_096


def variables_of_start_call(synthesis: Synthesis) -> dict[str, str]:
    """What start_call is told, with what only AWS knows as long as it can be."""
    (variables,) = (
        function["Environment"]["Variables"]
        for function in synthesis.resources("AWS::Lambda::Function").values()
        if function["Handler"] == "start_call.handler.handler"
    )
    flow = FLOW.replace("eu-west-2", synthesis.configuration.region)
    (table,) = synthesis.resources("AWS::DynamoDB::Table")
    longest = {
        "CALLING_PARAMETER": parameter_name(synthesis.environment, "Calling"),
        # As CloudFormation names things: the stack, the logical id, and 13 characters.
        "CALLS_TABLE": f"InAppCalling-{synthesis.environment}-Calling-{table}-{'X' * 13}",
        "CONNECT_NUMBER": f"+{'1' * 15}",
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


def test_a_wrong_configuration_writes_no_template(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    write_checkout(checkout, toml_of(changed({"connect.quotas.start_webrtc_contact_rate": 0})))
    shutil.copy(CHECKOUT / "app.py", checkout)
    for path in (CHECKOUT / "infra").rglob("*.py"):
        copy = checkout / path.relative_to(CHECKOUT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=checkout,
        env={
            **os.environ,
            "CDK_OUTDIR": str(tmp_path / "out"),
            "CDK_CONTEXT_JSON": '{"environment": "test"}',
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert re.search(
        r"config/test\.toml: connect\.quotas\.start_webrtc_contact_rate = 0\n +Fix: a whole number from 1",
        done.stderr,
    )
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.template.json"))
