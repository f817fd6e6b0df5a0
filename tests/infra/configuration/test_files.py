"""Files and environments: what is enough, what is tolerated, which there are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from copy import replace
from pathlib import Path

import pytest

from infra.configuration import (
    AdoptedInstance,
    ConfigurationError,
    OwnContactFlow,
    Quotas,
    UserPool,
    environments,
    find_transports,
    load,
)
from tests.infra.configuration.files import (
    ACCOUNT,
    CHECKOUT,
    INSTANCE,
    OTHER_QUEUE,
    QUEUE,
    THREE_VALUES,
    load_text,
    write_checkout,
)


def test_three_values_are_enough(tmp_path: Path) -> None:
    configuration = load_text(tmp_path, THREE_VALUES)
    assert (configuration.account, configuration.region) == (ACCOUNT, "eu-west-2")
    assert configuration.connect.instance == AdoptedInstance(
        instance_arn=INSTANCE, verified_queue_arn=QUEUE, unverified_queue_arn=OTHER_QUEUE
    )
    assert configuration.connect.contact_flow == OwnContactFlow(name="inbound")
    assert configuration.connect.quotas == Quotas()
    assert configuration.identity.source == UserPool()
    # A new account has 10 executions in all.
    assert configuration.functions.reserved_concurrency is None
    assert configuration.transport is None


@pytest.mark.parametrize("environment", environments(CHECKOUT))
def test_every_environment_of_the_project_is_valid(environment: str) -> None:
    assert load(CHECKOUT, environment, transports=find_transports()).environment == environment
    first_line = (CHECKOUT / "config" / f"{environment}.toml").read_text(encoding="utf-8").split("\n")[0]
    assert first_line == "#:schema ./schema.json"


def test_production_reserves_executions() -> None:
    assert load(CHECKOUT, "prod", transports={}).functions.reserved_concurrency == 20


def test_all_faults_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    toml = f"""\
        [calls]
        window_seconds = 0
        longest_call_seconds = 100
        replay_seconds = 200
        [connect]
        unverified_queue_arn = "{QUEUE}"
        verified_queue_arn = "{QUEUE}"
        instance_arn = "{INSTANCE}"
        [alarms]
        mail = "on-call@example.com"
        [connect.quotas]
        call_control_burst = 1
        [functions]
        reserved_concurrency = 1
        [api]
        status_rate = "10"
    """
    with pytest.raises(ConfigurationError) as caught:
        load_text(tmp_path, toml)
    assert [fault.key for fault in caught.value.faults] == [
        "calls.window_seconds",
        "calls.longest_call_seconds",
        "connect.unverified_queue_arn",
        "alarms.mail",
        "connect.quotas.call_control_burst",
        "api.status_rate",
    ]
    assert str(caught.value).count("config/test.toml: ") == 6


def test_sections_are_checked_against_each_other_though_another_is_wrong(tmp_path: Path) -> None:
    toml = THREE_VALUES + "[functions]\nreserved_concurrency = 1\n[api]\nstatus_rate = 0\n"
    with pytest.raises(ConfigurationError) as caught:
        load_text(tmp_path, toml)
    assert [fault.key for fault in caught.value.faults] == [
        "functions.reserved_concurrency",
        "api.status_rate",
    ]


@pytest.mark.parametrize("toml", [THREE_VALUES.replace("\n", "\r\n"), THREE_VALUES.replace("\n", "\r")])
def test_line_ends_of_other_systems_are_taken(tmp_path: Path, toml: str) -> None:
    assert load_text(tmp_path, toml.encode()) == load_text(tmp_path, THREE_VALUES)


def test_a_byte_order_mark_is_a_warning(tmp_path: Path) -> None:
    configuration = load_text(tmp_path, b"\xef\xbb\xbf" + THREE_VALUES.encode())
    assert "config/test.toml: the file begins with a byte order mark" in configuration.warnings[0]


def test_nobody_who_gets_the_alarms_is_a_warning(tmp_path: Path) -> None:
    (warning,) = load_text(tmp_path, THREE_VALUES).warnings
    assert warning == (
        "config/test.toml: alarms.email: nobody gets the alarms. Name an address: "
        'email = "on-call@example.com"'
    )
    assert not load_text(tmp_path, f'{THREE_VALUES}[alarms]\nemail = "on-call@example.com"').warnings


@pytest.mark.parametrize(
    ("claim", "meant"),
    [("emial", "email"), ("phone_numer", "phone_number"), ("e-mail", "email"), ("user_name", "username")],
)
def test_a_claim_that_is_nearly_a_standard_one_is_a_warning(tmp_path: Path, claim: str, meant: str) -> None:
    mapped = f'{THREE_VALUES}[attributes.from_claims]\n{claim} = "attribute"\nsub = "user"\n"plan" = "plan"'
    warnings = [text for text in load_text(tmp_path, mapped).warnings if "alarms" not in text]
    key = f"config/test.toml: attributes.from_claims.{claim}"
    assert warnings == [f"{key}: no standard claim is named {claim!r}. Did you mean {meant!r}?"]


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        (None, "one of: "),
        (7, "one of: "),
        ("", "a name behind ENV=, one of: "),
        ("  ", "a name behind ENV=, one of: "),
        ("dev ", "did you mean 'dev'? without spaces: one of: "),
        ("dev prod", "without spaces: one of: "),
        ("dve", "did you mean 'dev'? one of: "),
        ("Prod", "did you mean 'prod'? one of: "),
        ("config/dev.toml", "did you mean 'dev'? one of: "),
        ("dev.toml", "did you mean 'dev'? one of: "),
        ("../dev", "did you mean 'dev'? one of: "),
        ("staging", "one of: "),
    ],
)
def test_an_unknown_environment_is_refused_with_those_there_are(environment: object, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(CHECKOUT, environment, transports={})
    known = environments(CHECKOUT)
    # Whichever way it came.
    assert caught.value.fix.endswith(
        f"{says}{', '.join(known)} (the files of config/), as in: make … ENV={known[0]}, or: cdk … -c "
        f"environment={known[0]}"
    )
    assert caught.value.value == environment


def test_a_checkout_without_environments_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"write config/<environment>\.toml first"):
        load(tmp_path, "dev", transports={})


@pytest.mark.parametrize("name", ["Prod", "1st", "my_env", "a" * 33])
def test_an_environments_name_must_fit_into_a_stacks(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="part of stack names"):
        load_text(tmp_path, THREE_VALUES, name)


def test_only_what_there_is_can_be_replaced(tmp_path: Path) -> None:
    configuration = load_text(tmp_path, THREE_VALUES)
    assert replace(configuration, environment="other").environment == "other"
    for whole, change in ((configuration, "sip_bridge"), (configuration.connect, "instance")):
        with pytest.raises(TypeError, match=change):
            replace(whole, **{change: None})


def test_a_section_of_no_transport_is_unknown(tmp_path: Path) -> None:
    checkout = write_checkout(tmp_path, f"{THREE_VALUES}[carrier_pigeon]\nspeed = 1")
    with pytest.raises(ConfigurationError, match=r"carrier_pigeon = \{speed = …\}\n  Fix: known here"):
        load(checkout, "test", transports=find_transports())


def test_a_wrong_configuration_writes_no_template(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    write_checkout(checkout, f"{THREE_VALUES}[connect.quotas]\nstart_webrtc_contact_rate = 0")
    shutil.copy(CHECKOUT / "app.py", checkout)
    # With what Python has compiled of it.
    shutil.copytree(CHECKOUT / "infra", checkout / "infra", dirs_exist_ok=True)
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
