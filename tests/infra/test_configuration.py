"""What a configuration file may say, and what its writer is told otherwise."""

from __future__ import annotations

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

from infra.config import (
    IN_APP_CALLING_REGIONS,
    TRUSTED_ATTRIBUTES,
    AdoptedContactFlow,
    AdoptedInstance,
    Configuration,
    ConfigurationError,
    OwnContactFlow,
    Sandbox,
    environments,
    load,
)
from tests.infra.synthesis import CHECKOUT

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
            lines.append(f"{quoted(key)} = {quoted(value)}")
    for key, value in table.items():
        if isinstance(value, dict):
            lines.append(toml_of(value, f"{path}.{quoted(key)}" if path else quoted(key)))
    return "\n".join(lines)


def quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def changed(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The valid values with some set or, by MISSING, removed; keys are dotted."""
    values = deepcopy(VALID)
    for key, value in changes.items():
        *tables, last = key.split(".")
        table = values
        for name in tables:
            table = table.setdefault(name, {})
        if value is MISSING:
            del table[last]
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
            "identity.passkey_relying_party": "app.example.com",
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
    assert configuration.identity.passkey_relying_party == "app.example.com"
    assert configuration.alarms.email == "on-call@example.com"
    assert (configuration.capabilities.video, configuration.capabilities.screen_share) == (True, False)


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


def test_a_us_government_instance_has_its_own_partition(load_changed: Loader) -> None:
    def moved(arn: str) -> str:
        return arn.replace("arn:aws:", "arn:aws-us-gov:").replace("eu-west-2", "us-gov-west-1")

    instance = load_changed(
        {
            "region": "us-gov-west-1",
            "connect.instance_arn": moved(INSTANCE),
            "connect.verified_queue_arn": moved(VALID["connect"]["verified_queue_arn"]),
            "connect.unverified_queue_arn": moved(VALID["connect"]["unverified_queue_arn"]),
        }
    ).connect.instance
    assert isinstance(instance, AdoptedInstance)
    assert instance.instance_arn == moved(INSTANCE)


# Key, value, and what the fix must say.
REFUSED: list[tuple[str, Any, str]] = [
    ("account", MISSING, "12 digits"),
    ("account", 111122223333, "in quotes"),
    ("account", "1111-2222-3333", "12 digits"),
    ("region", MISSING, "a Region with in-app calling"),
    ("region", "eu-west-1", "eu-west-2"),
    ("connect", "arn:aws:connect", "[connect]"),
    ("connect.instance_arn", MISSING, "[connect.sandbox]"),
    ("connect.instance_arn", "", f"{INSTANCE.partition('instance/')[0]}instance/<uuid>"),
    ("connect.instance_arn", UUID, "ARN of a Connect instance"),
    ("connect.instance_arn", FLOW, "ARN of a Connect instance"),
    ("connect.instance_arn", f"{INSTANCE}\n", "ARN of a Connect instance"),
    ("connect.instance_arn", INSTANCE.replace("connect", "lex"), "ARN of a Connect instance"),
    ("connect.instance_arn", INSTANCE.replace("eu-west-2", "us-east-1"), "in us-east-1 but region is"),
    ("connect.instance_arn", INSTANCE.replace(ACCOUNT, "999988887777"), "account 999988887777"),
    ("connect.instance_arn", INSTANCE.replace("arn:aws:", "arn:aws-us-gov:"), "partition of eu-west-2"),
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
    ("identity.self_sign_up", MISSING, "true or false"),
    ("identity.password_length", 7, "from 8"),
    ("identity.token_minutes", 4, "from 5"),
    ("identity.token_minutes", 1_441, "to 1440"),
    ("identity.refresh_token_days", 0, "from 1"),
    ("identity.display_name_claim", "", "a claim"),
    ("identity.passkey_relying_party", "https://example.com", "example.com"),
    ("identity.passkey_relying_party", "localhost", "example.com"),
    ("identity.mfa", True, "known here"),
    ("api.allowed_origins", ["*"], "[] for none"),
    ("api.allowed_origins", ["http://app.example.com"], "https://app.example.com"),
    ("api.allowed_origins", ["https://app.example.com/"], "without a path"),
    ("api.requests_per_ip_per_5_minutes", 9, "AWS WAF"),
    ("api.origins", [], "known here"),
    ("functions.reserved_concurrency", 4, "start_webrtc_contact_burst"),
    ("functions.memory_mib", 64, "from 128"),
    ("functions.log_retention_days", 0, "from 1"),
    ("functions.log_retention_days", 15, "1, 7, 14, 30"),
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
    with pytest.raises(ConfigurationError, match=r"one of: dev, local, prod .*-c environment=dev") as caught:
        load(CHECKOUT, environment)
    assert caught.value.value == environment


def test_a_checkout_without_environments_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"write config/<environment>\.toml first"):
        load(tmp_path, "dev")


@pytest.mark.parametrize("name", ["Prod", "1st", "my_env", "a" * 33])
def test_an_environments_name_must_fit_into_a_stacks(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="part of stack names"):
        load(write_checkout(tmp_path, toml_of(VALID), name), name)


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
