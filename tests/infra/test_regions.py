"""Templates against the resource types of every Region that the configuration allows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cfnlint.api
import pytest
from cfnlint.config import ManualArgs
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from infra.configuration import IN_APP_CALLING_REGIONS, ConfigurationError, environments, load
from tests.infra.configuration.files import load_text
from tests.infra.synthesis import CHECKOUT, Synthesis

pytestmark = pytest.mark.slow  # cfn-lint reads its rules for more than a second


def test_prod_is_valid_in_every_region(synthesized: Callable[[str], Synthesis], tmp_path: Path) -> None:
    text = (CHECKOUT / "config" / "prod.toml").read_text(encoding="utf-8")
    for region in IN_APP_CALLING_REGIONS:
        assert load_text(tmp_path, text.replace("eu-west-2", region)).region == region
    # Between Regions a template differs in ARNs alone.
    files = sorted(synthesized("prod").directory.glob("*.template.json"))
    assert files
    for file in files:
        regions = ManualArgs(regions=list(IN_APP_CALLING_REGIONS))
        found = cfnlint.api.lint(file.read_text(encoding="utf-8"), config=regions)
        assert [str(match) for match in found] == []


def test_a_type_that_one_region_lacks_would_be_found() -> None:
    template = """{"Resources": {"A": {"Type": "AWS::Chime::VoiceConnector",
        "Properties": {"Name": "a", "RequireEncryption": true}}}}"""
    found = {
        regions: [
            match.rule.id for match in cfnlint.api.lint(template, config=ManualArgs(regions=[*regions]))
        ]
        for regions in (("us-east-1",), ("us-east-1", "us-west-2"))
    }
    assert found == {("us-east-1",): [], ("us-east-1", "us-west-2"): ["E3006"]}


def test_a_transport_is_refused_where_a_type_of_it_is_missing(
    synthesized: Callable[[str], Synthesis], tmp_path: Path
) -> None:
    for environment in environments(CHECKOUT):
        configuration = load(CHECKOUT, environment)
        if configuration.transport is None:
            continue
        types = {of["Type"] for _, of in synthesized(environment).declarations()}
        text = (CHECKOUT / "config" / f"{environment}.toml").read_text(encoding="utf-8")
        lacking = {
            region
            for region in IN_APP_CALLING_REGIONS
            if {name for name in types if name.startswith("AWS::")}
            - set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region))
        }
        # Where a transport cannot be deployed, a number of its own or none: the Region is what is refused.
        for region in lacking:
            with pytest.raises(ConfigurationError, match=r"(?m)^config/test\.toml: region = ") as caught:
                load_text(tmp_path, moved(text, configuration.region, region))
            assert "a Region with" in str(caught.value)


def moved(text: str, region: str, other: str) -> str:
    """The file of an environment with a sandbox, in another Region, with a number that exists there."""
    begin, end = text.index("[sip_bridge.caller_number]"), text.index("[sip_bridge.connect_number]")
    number = '[sip_bridge.caller_number]\nnumber = "+12065550100"\n\n'
    return (text[:begin] + number + text[end:]).replace(f'region = "{region}"', f'region = "{other}"')
