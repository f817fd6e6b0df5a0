"""What holds for any value: it is taken or refused by key, and a valid file comes back as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.configuration import IN_APP_CALLING_REGIONS, TRUSTED_ATTRIBUTES, Configuration, environments
from infra.configuration.configuration import SECTIONS
from infra.configuration.unknown_keys import known_keys
from tests.examples import examples
from tests.infra.configuration.files import (
    CHECKOUT,
    FLOW,
    UUID,
    VALID,
    Loader,
    load_text,
    refused_key,
    toml_of,
)

numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]))
values = st.one_of(numbers, texts, st.lists(texts | numbers), st.dictionaries(texts, texts | numbers))
# Those of a list of tables have numbers: test_user_pool.py has them.
keys = [
    key
    for key in known_keys({name: Configuration.model_fields[name].annotation for name in SECTIONS})
    if not key.startswith("identity.user_pool.providers.")
]


@given(key=st.sampled_from(sorted({"account", "region", *keys})), value=values)
@settings(max_examples=examples(300))
def test_whatever_a_value_is_it_is_taken_or_refused_by_key(
    load_changed: Loader, key: str, value: object
) -> None:
    # Another key may be at fault: two values can disagree, and a table holds several.
    section = key.partition(".")[0]
    base: dict[str, Any] = {section: {}} if section in {"identity", "platform", "tags"} else {}
    refused = refused_key(load_changed, {**base, key: value})
    assert refused is None or refused.startswith(("connect", "functions", "identity", "attributes", section))


names = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True).filter(
    lambda name: name.lower() not in TRUSTED_ATTRIBUTES
)
whole = st.integers


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """Values that are valid, of every section but the sources of users, which tables hold."""
    rate, more = draw(whole(1, 500)), draw(whole(0, 500))
    window = draw(whole(1, 50))
    callers = draw(st.lists(names, unique_by=str.lower, max_size=4))
    claims = draw(
        st.lists(names, unique_by=str.lower, max_size=4).map(
            lambda found: [name for name in found if name.lower() not in map(str.lower, callers)]
        )
    )
    return {
        "connect": {
            **VALID["connect"],
            "topics": draw(st.dictionaries(names, st.sampled_from(["billing", "inbound", FLOW]), max_size=4)),
            "quotas": {"start_webrtc_contact_rate": rate, "start_webrtc_contact_burst": rate + more},
        },
        "calls": {"starts_per_window": window, "starts_per_day": window + draw(whole(0, 50))},
        "attributes": {
            "from_caller": callers,
            "from_claims": {f"claim_{number}": name for number, name in enumerate(claims)},
        },
        "capabilities": {"video": draw(st.booleans()), "screen_share": draw(st.booleans())},
        "api": {
            "status_rate": rate,
            "status_burst": rate + more,
            "web_acl": draw(st.sampled_from(["own", "none"])),
            "allowed_origins": draw(st.lists(st.just("https://app.example.com"), max_size=1)),
        },
        "functions": {"memory_mib": draw(whole(128, 10_240)), "snap_start": draw(st.booleans())},
        "platform": {
            "bootstrap_qualifier": draw(st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True)),
            "kms_key_arn": f"arn:aws:kms:eu-west-2:111122223333:key/{UUID}",
        },
        "tags": draw(st.dictionaries(names.map("tag-{}".format), names, max_size=4)),
    }


def written(configuration: Configuration) -> str:
    """A configuration as a file."""
    values = configuration.model_dump(
        mode="json", exclude={"environment", "transport", "warnings"}, exclude_none=True, exclude_unset=True
    )
    if configuration.transport is not None:
        section = configuration.transport.section
        values[configuration.transport.name] = section.model_dump(
            mode="json", exclude_none=True, exclude_unset=True
        )
    return toml_of(values)


@given(values=files())
@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_valid_file_comes_back_as_it_was(tmp_path: Path, values: dict[str, Any]) -> None:
    configuration = load_text(tmp_path, toml_of(values))
    assert load_text(tmp_path, written(configuration)) == configuration


@pytest.mark.parametrize("environment", environments(CHECKOUT))
def test_the_projects_files_come_back_as_they_were(tmp_path: Path, environment: str) -> None:
    content = (CHECKOUT / "config" / f"{environment}.toml").read_bytes()
    configuration = load_text(tmp_path, content, environment)
    assert load_text(tmp_path, written(configuration), environment) == configuration


@given(name=st.from_regex(r"[A-Za-z0-9_-]{1,128}", fullmatch=True))
def test_a_caller_sets_any_attribute_but_a_trusted_one(load_changed: Loader, name: str) -> None:
    changes = {"attributes.from_caller": [name], "attributes.from_claims": {}}
    if name.lower() in TRUSTED_ATTRIBUTES:
        assert refused_key(load_changed, changes) == "attributes.from_caller"
    else:
        assert load_changed(changes).attributes.from_caller == (name,)


@given(rate=st.integers(), burst=st.integers())
def test_quotas_are_at_least_one_and_a_burst_reaches_its_rate(
    load_changed: Loader, rate: int, burst: int
) -> None:
    changes = {
        "connect.quotas": {"start_webrtc_contact_rate": rate, "start_webrtc_contact_burst": burst},
        "functions.reserved_concurrency": 1_000,
    }
    refused = refused_key(load_changed, changes)
    if 1 <= rate <= burst <= 1_000:
        assert refused is None
    else:
        assert refused is not None


def test_the_regions_are_named_in_order() -> None:
    assert sorted(IN_APP_CALLING_REGIONS) == list(IN_APP_CALLING_REGIONS)
