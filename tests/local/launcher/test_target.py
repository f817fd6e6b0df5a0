from pathlib import Path

import pytest

from local.launcher import checkout
from local.launcher.target import read_target

ISSUER = """
account = "000000000000"
region = "eu-west-2"
[identity.issuer]
issuer = "https://login.in-app-calling.test/"
audiences = ["https://calls.example.com"]
jwks_url = "https://login.in-app-calling.test/jwks"
"""


def test_what_a_file_leaves_out_is_as_the_configuration_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OIDC_ISSUER", raising=False)
    monkeypatch.setattr(checkout, "CONFIGURATIONS", tmp_path)
    (tmp_path / "short.toml").write_text(ISSUER)
    assert read_target("short").identity == {
        "Issuer": "https://login.in-app-calling.test/",
        "Audience": "https://calls.example.com",
        "Scope": "",
        "TokenUse": "access",
        "RequiredClaims": "{}",
    }


@pytest.mark.parametrize("environment", ["local", "local-issuer", "local-backend"])
def test_the_environments_of_the_laptop_are_read(environment: str) -> None:
    assert read_target(environment).account == "000000000000"
