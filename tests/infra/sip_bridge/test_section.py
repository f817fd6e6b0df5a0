"""`[sip_bridge]`: what may be said of the bridge, and what is refused."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from infra.configuration import IN_APP_CALLING_REGIONS, Configuration, Transport
from infra.sip_bridge.section import (
    SIP_MEDIA_APPLICATION_REGIONS,
    AdoptedCallerNumber,
    AdoptedConnectNumber,
    AdoptedVoiceConnector,
    ClaimedConnectNumber,
    OrderedCallerNumber,
    OwnVoiceConnector,
    Route,
    SipBridge,
)
from tests.infra.configuration.files import (
    ACCOUNT,
    MISSING,
    UUID,
    Changes,
    Loader,
    check_refused,
    faults_of,
    sandboxed,
)
from tests.infra.configuration.test_environment_size import check_fullest_environment

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


def bridge_of(configuration: Configuration) -> SipBridge:
    assert configuration.transport is not None
    assert isinstance(configuration.transport.section, SipBridge)
    return configuration.transport.section


def bridged(changes: Changes) -> dict[str, Any]:
    return {
        "capabilities": {"video": False, "screen_share": False},
        "sip_bridge": deepcopy(BRIDGE),
        **changes,
    }


def test_without_its_section_there_is_no_bridge(load_changed: Loader) -> None:
    assert load_changed({}).transport is None


def test_a_bridges_values_arrive_as_written(load_changed: Loader) -> None:
    changes = {"sip_bridge.headers": {"order_id": "x-order-id", "page": "X-Page"}}
    assert load_changed(bridged(changes)).transport == Transport(
        "sip_bridge",
        SipBridge(
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
        ),
    )


def test_what_a_bridge_needs_may_be_adopted(load_changed: Loader) -> None:
    bridge = bridge_of(
        load_changed(
            bridged(
                {
                    "sip_bridge.connect_number": {"arn": NUMBER, "number": "+442079460000"},
                    "sip_bridge.voice_connector": {"arn": CONNECTOR},
                }
            )
        )
    )
    assert bridge.connect_number == AdoptedConnectNumber(arn=NUMBER, number="+442079460000")
    assert bridge.voice_connector == AdoptedVoiceConnector(arn=CONNECTOR)
    assert bridge.headers == {}


def moved(region: str, changes: Changes) -> dict[str, Any]:
    """A bridge in another Region, with a sandbox: no ARN names the first one then."""
    return sandboxed(bridged({"region": region, **changes}))


def test_a_number_is_ordered_where_there_are_some(load_changed: Loader) -> None:
    ordered = {"sip_bridge.caller_number": {"country": "US", "type": "TollFree"}}
    bridge = bridge_of(load_changed(moved("us-east-1", ordered)))
    assert bridge.caller_number == OrderedCallerNumber(country="US", type="TollFree")
    error = faults_of(load_changed, bridged(ordered))
    assert (error.key, error.value) == ("sip_bridge.caller_number.country", "US")
    assert "us-east-1 alone, and region is 'eu-west-2'" in error.fix


@pytest.mark.parametrize("region", sorted({*IN_APP_CALLING_REGIONS, *SIP_MEDIA_APPLICATION_REGIONS}))
def test_a_bridge_is_where_both_services_are(load_changed: Loader, region: str) -> None:
    if region in SIP_MEDIA_APPLICATION_REGIONS and region in IN_APP_CALLING_REGIONS:
        assert load_changed(moved(region, {})).transport is not None
    else:
        error = faults_of(load_changed, moved(region, {}))
        assert (error.key, error.value) == ("region", region)


def test_a_bridge_is_refused_where_there_are_no_sip_media_applications(load_changed: Loader) -> None:
    error = faults_of(load_changed, moved("af-south-1", {}))
    assert "a Region with SIP media applications: ap-northeast-1" in error.fix
    # Connect has no in-app calling there.
    assert "eu-west-1" not in error.fix


def test_a_region_whose_cloudformation_lacks_a_type_is_refused_with_the_reason(load_changed: Loader) -> None:
    error = faults_of(load_changed, moved("us-west-2", {}))
    assert (error.key, error.value) == ("region", "us-west-2")
    assert "CloudFormation has no type for them in us-west-2" in error.fix
    assert "a Region with SIP media applications: ap-northeast-1" in error.fix


@pytest.mark.parametrize("capability", ["video", "screen_share"])
def test_a_bridge_carries_sound_alone(load_changed: Loader, capability: str) -> None:
    error = faults_of(load_changed, bridged({f"capabilities.{capability}": True}))
    assert (error.key, error.value) == (f"capabilities.{capability}", True)
    assert "remove [sip_bridge]" in error.fix


def test_a_bridged_call_has_two_minutes_to_present_its_reference(load_changed: Loader) -> None:
    replay = {"calls.replay_seconds": 30}
    enough = bridged({**replay, "calls.reference_seconds": 120})
    assert load_changed(enough).calls.reference_seconds == 120
    error = faults_of(load_changed, bridged({**replay, "calls.reference_seconds": 119}))
    assert (error.key, error.value) == ("calls.reference_seconds", 119)
    assert "at least 120" in error.fix
    assert "remove [sip_bridge]" in error.fix
    # A contact that Connect makes at once presents it at once.
    assert load_changed({**replay, "calls.reference_seconds": 119}).calls.reference_seconds == 119


def test_attributes_of_callers_are_not_logged_with_sip_messages(load_changed: Loader) -> None:
    logs = {"sip_bridge.voice_connector.sip_message_logs": True}
    headers = {"sip_bridge.headers": {"order_id": "x-order-id"}}
    error = faults_of(load_changed, bridged({**logs, **headers}))
    assert (error.key, error.value) == ("sip_bridge.voice_connector.sip_message_logs", True)
    assert "attributes of callers" in error.fix
    for changes in (logs, headers, {**logs, "sip_bridge.headers": {}}):
        assert load_changed(bridged(changes)).transport is not None
    # Of an adopted one nobody here knows what it logs.
    adopted = {"sip_bridge.voice_connector": {"arn": CONNECTOR}}
    assert load_changed(bridged({**adopted, **headers})).transport is not None


def test_bridged_calls_at_once_need_as_many_functions(load_changed: Loader) -> None:
    error = faults_of(load_changed, bridged({"sip_bridge.call_burst": 16}))
    assert error.key == "functions.reserved_concurrency"
    assert "sip_bridge.call_burst" in error.fix
    # What Connect could be asked to start does not matter then.
    quota = {"connect.quotas.start_webrtc_contact_burst": 16}
    assert load_changed(bridged(quota)).connect.quotas.start_webrtc_contact_burst == 16
    faults_of(load_changed, quota)


def test_a_sandbox_has_no_number_that_could_be_adopted(load_changed: Loader) -> None:
    changes = {"sip_bridge.connect_number": {"arn": NUMBER, "number": "+442079460000"}}
    error = faults_of(load_changed, sandboxed(bridged(changes)))
    assert error.key == "sip_bridge.connect_number.arn"
    assert "claim one by country and type" in error.fix


VC = "voice_connector"
ROUTE_0 = "voice_connector.routes[0]"

# Key of sip_bridge, value, and what the fix must say.
REFUSED_OF_THE_BRIDGE: list[tuple[str, Any, str]] = [
    ("call_rate", 0, "from 1"),
    ("call_burst", 1.5, "whole number"),
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
    ("connect_number.number", "+442079460000", "known here: country, type"),
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
    (f"{VC}.routes", MISSING, "[[sip_bridge.voice_connector.routes]]"),
    (f"{VC}.routes", [], "1 to 20 tables"),
    (f"{VC}.routes", [ROUTE] * 21, "1 to 20 tables"),
    (f"{VC}.routes", ["sip.example.com"], "1 to 20 tables"),
    (f"{VC}.routes", ROUTE, "1 to 20 tables"),
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
def test_a_wrong_value_of_a_bridge_is_refused(load_changed: Loader, key: str, value: Any, fix: str) -> None:
    check_refused(load_changed, bridged({f"sip_bridge.{key}": value}), f"sip_bridge.{key}", fix)


def test_a_bridge_without_a_number_gets_both_ways_to_one(load_changed: Loader) -> None:
    error = faults_of(load_changed, bridged({"sip_bridge.caller_number": {}}))
    assert (error.key, error.value) == ("sip_bridge.caller_number.country", None)
    assert "where to order a number" in error.fix
    assert "the number of your Amazon Chime SDK inventory" in error.fix


def test_an_adopted_voice_connector_has_no_settings_here(load_changed: Loader) -> None:
    settings = {**BRIDGE["voice_connector"], "arn": CONNECTOR}
    error = faults_of(load_changed, bridged({"sip_bridge.voice_connector": settings}))
    assert {fault.key for fault in error.faults} == {
        f"sip_bridge.voice_connector.{key}" for key in BRIDGE["voice_connector"]
    }
    assert {fault.fix for fault in error.faults} == {"known here: arn"}


@pytest.mark.parametrize(
    ("section", "arn"),
    [
        ("connect_number", UUID),
        ("connect_number", NUMBER.replace("eu-west-2", "us-east-1")),
        ("connect_number", NUMBER.replace(ACCOUNT, "999988887777")),
        ("voice_connector", "vc/abc"),
        ("voice_connector", CONNECTOR.replace("eu-west-2", "us-east-1")),
    ],
)
def test_what_is_adopted_is_of_this_account_and_region(load_changed: Loader, section: str, arn: str) -> None:
    adopted = {"arn": arn} | ({"number": "+442079460000"} if section == "connect_number" else {})
    fix = f"eu-west-2:{ACCOUNT}:{'phone-number/<uuid>' if section == 'connect_number' else 'vc/<id>'}"
    check_refused(load_changed, bridged({f"sip_bridge.{section}": adopted}), f"sip_bridge.{section}.arn", fix)


def test_two_attributes_travel_in_two_headers(load_changed: Loader) -> None:
    headers = {"order_id": "x-order", "page": "X-Order"}
    error = faults_of(load_changed, bridged({"sip_bridge.headers": headers}))
    assert (error.key, error.value) == ("sip_bridge.headers.page", "X-Order")
    assert "of another attribute already" in error.fix


def test_at_most_ten_attributes_travel(load_changed: Loader) -> None:
    names = [f"a{number}" for number in range(11)]
    for count in (10, 11):
        headers = {name: f"x-{name}" for name in names[:count]}
        changes = bridged({"attributes.from_caller": names, "sip_bridge.headers": headers})
        if count == 10:
            assert load_changed(changes).transport is not None
        else:
            error = faults_of(load_changed, changes)
            assert error.key == "sip_bridge.headers.a10"
            assert "at most 10" in error.fix


def test_a_host_may_speak_udp_without_encryption(load_changed: Loader) -> None:
    changes = {"require_encryption": False, "routes": [{**ROUTE, "protocol": "UDP", "host": "54.230.10.17"}]}
    bridge = bridge_of(
        load_changed(bridged({"sip_bridge.voice_connector": {**BRIDGE["voice_connector"], **changes}}))
    )
    assert isinstance(bridge.voice_connector, OwnVoiceConnector)
    assert [route.protocol for route in bridge.voice_connector.routes] == ["UDP"]


def test_headers_count_among_what_start_call_holds(load_changed: Loader) -> None:
    names = [f"{number:0128}" for number in range(10)]
    headers = {name: f"x-{name[-62:]}" for name in names}
    changes = bridged({"attributes.from_caller": names, "sip_bridge.headers": headers})
    check_refused(load_changed, changes, "sip_bridge.headers", "these 10 take")


@pytest.mark.slow  # synth after synth
def test_the_most_that_is_taken_fits_into_the_variables_of_a_function(tmp_path: Path) -> None:
    check_fullest_environment(tmp_path, bridged)
