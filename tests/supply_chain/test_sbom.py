"""The bills of materials: what they say, and what they refuse to be silent about."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from infra.bundling import FUNCTIONS, BundlingError
from supply_chain import sbom
from supply_chain.sbom import FRAMEWORK, LAYER, BillOfMaterialsError, bills, components, pins, rendered
from tests.infra.checkout_copy import copy_checkout
from tests.infra.synthesis import CHECKOUT

ASSETS = [LAYER, *FUNCTIONS, FRAMEWORK]
HASH = "0" * 64


@pytest.fixture(scope="module")
def texts() -> Mapping[str, str]:
    return {name: rendered(bill) for name, bill in bills(CHECKOUT).items()}


@pytest.fixture(scope="module")
def documents(texts: Mapping[str, str]) -> Mapping[str, Any]:
    return {name: json.loads(text) for name, text in texts.items()}


def test_every_asset_has_a_bill(texts: Mapping[str, str]) -> None:
    assert list(texts) == ASSETS


@pytest.mark.parametrize("name", ASSETS)
def test_a_bill_is_valid_cyclonedx_1_6(texts: Mapping[str, str], name: str) -> None:
    assert '"specVersion": "1.6"' in texts[name]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(texts[name]) is None


def test_two_checkouts_give_the_same_bytes(texts: Mapping[str, str], tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    for name in ("pyproject.toml", "requirements.txt"):
        shutil.copy(CHECKOUT / name, checkout)
    assert {name: rendered(bill) for name, bill in bills(checkout).items()} == texts


def test_each_bill_has_a_number_of_its_own(documents: Mapping[str, Any]) -> None:
    assert len({document["serialNumber"] for document in documents.values()}) == len(ASSETS)


def test_the_layer_is_what_its_requirements_pin(documents: Mapping[str, Any]) -> None:
    text = (CHECKOUT / "lambdas" / "requirements.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+) ", text, re.MULTILINE))
    packages = documents[LAYER]["components"]
    assert {package["name"]: package["version"] for package in packages} == pinned
    for package in packages:
        assert package["purl"] == f"pkg:pypi/{package['name']}@{package['version']}"
        assert package["licenses"]
    written = {
        value["content"] for package in packages for value in package["externalReferences"][0]["hashes"]
    }
    assert written == set(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))


def test_a_package_names_those_that_it_requires(documents: Mapping[str, Any]) -> None:
    required = {entry["ref"]: entry.get("dependsOn", []) for entry in documents[LAYER]["dependencies"]}
    named = {ref.partition("@")[0]: {on.partition("@")[0] for on in refs} for ref, refs in required.items()}
    assert named["pkg:pypi/python-dateutil"] == {"pkg:pypi/six"}
    assert {"pkg:pypi/botocore", "pkg:pypi/six"} <= named[f"in-app-calling/{LAYER}"]


def test_what_is_compiled_into_a_package_is_named(documents: Mapping[str, Any]) -> None:
    packages = {package["name"]: package for package in documents["authorizer"]["components"]}
    compiled_in = {part["purl"].partition("@")[0] for part in packages["cryptography"]["components"]}
    assert "pkg:generic/openssl" in compiled_in


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_points_to_the_bill_of_its_layer(documents: Mapping[str, Any], name: str) -> None:
    number = documents[LAYER]["serialNumber"].removeprefix("urn:uuid:")
    (reference,) = documents[name]["metadata"]["component"]["externalReferences"]
    assert (reference["type"], reference["url"]) == ("bom", f"urn:cdx:{number}/1")


def test_the_main_component_is_the_project(documents: Mapping[str, Any]) -> None:
    for name, document in documents.items():
        main = document["metadata"]["component"]
        assert (main["group"], main["name"]) == ("in-app-calling", name)
        assert main["licenses"] == [{"license": {"id": "Apache-2.0"}}]


def lay(folder: Path, name: str, version: str, *files: str) -> None:
    """A package as it is installed."""
    described = folder / f"{name}-{version}.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text(
        f"Name: {name}\nVersion: {version}\nLicense-Expression: MIT\n", "utf-8"
    )
    listed = [f"{described.name}/METADATA", *files]
    (described / "RECORD").write_text("".join(f"{file},,\n" for file in listed), encoding="utf-8")
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("", encoding="utf-8")


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    file = tmp_path / "requirements.txt"
    file.write_text(
        f"one==1.0 \\\n    --hash=sha256:{HASH}\n    # via two\n"
        f"two==2.0 ; platform_machine == 'aarch64' \\\n    --hash=sha256:{HASH}\n"
        f"colours==3.0 ; sys_platform == 'win32' \\\n    --hash=sha256:{HASH}\n",
        encoding="utf-8",
    )
    return file


@pytest.fixture
def asset(tmp_path: Path) -> Path:
    folder = tmp_path / "asset"
    lay(folder, "one", "1.0", "one/__init__.pyc")
    lay(folder, "two", "2.0", "two.pyc")
    return folder


@pytest.fixture
def original(tmp_path: Path) -> Path:
    folder = tmp_path / "installed"
    lay(folder, "one", "1.0", "one/__init__.py")
    lay(folder, "two", "2.0", "two.py")
    return folder


def test_only_what_lambda_would_install_is_asked_for(requirements: Path) -> None:
    assert {name: pin.version for name, pin in pins(requirements).items()} == {"one": "1.0", "two": "2.0"}


def test_an_asset_that_is_what_is_pinned_is_written_down(
    asset: Path, requirements: Path, original: Path
) -> None:
    assert [str(package.purl) for package in components(asset, requirements, original)] == [
        "pkg:pypi/one@1.0",
        "pkg:pypi/two@2.0",
    ]


def test_a_package_that_nothing_pins_is_refused(asset: Path, requirements: Path, original: Path) -> None:
    for folder in (asset, original):
        lay(folder, "stowaway", "9.9", "stowaway.pyc")
    with pytest.raises(
        BillOfMaterialsError, match=r"stowaway 9\.9 is in the asset, and no requirement pins it.*\n  Fix"
    ):
        components(asset, requirements, original)


def test_a_pinned_package_that_is_missing_is_refused(asset: Path, requirements: Path, original: Path) -> None:
    shutil.rmtree(asset / "one-1.0.dist-info")
    with pytest.raises(BillOfMaterialsError, match=r"one 1\.0 is pinned, and not in the asset\.\n  Fix"):
        components(asset, requirements, original)


def test_another_version_than_the_pinned_one_is_refused(
    asset: Path, requirements: Path, original: Path
) -> None:
    shutil.rmtree(asset / "one-1.0.dist-info")
    lay(asset, "one", "1.1")
    with pytest.raises(BillOfMaterialsError, match=r"one 1\.1 is in the asset, where 1\.0 is pinned"):
        components(asset, requirements, original)


def test_files_of_no_package_are_refused(asset: Path, requirements: Path, original: Path) -> None:
    (asset / "vendored").mkdir()
    with pytest.raises(BillOfMaterialsError, match="vendored is in the asset, and belongs to no package"):
        components(asset, requirements, original)
    assert components(asset, requirements, original, own=("vendored",))


def test_a_package_may_be_left_out_by_name_only_as_long_as_it_is(
    asset: Path, requirements: Path, original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sbom, "_LEFT_OUT", {"one": "nothing imports it"})
    with pytest.raises(BillOfMaterialsError, match=r"one 1\.0 is in the asset, and _LEFT_OUT says"):
        components(asset, requirements, original)
    shutil.rmtree(asset / "one-1.0.dist-info")
    assert len(components(asset, requirements, original)) == 1


@pytest.mark.parametrize("line", ["one==1.0", f"one>=1.0 --hash=sha256:{HASH}"])
def test_a_requirement_that_is_not_pinned_with_hashes_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(BillOfMaterialsError, match=r"not one version, with hashes\.\n  Fix: "):
        pins(file)


def test_the_command_writes_a_file_for_each_asset_and_removes_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sbom, "_CHECKOUT", tmp_path)
    monkeypatch.setattr(sbom, "bills", lambda _: {LAYER: Bom()})
    stale = tmp_path / "build" / "sbom" / "gone.cdx.json"
    stale.parent.mkdir(parents=True)
    stale.write_text("{}", encoding="utf-8")
    assert sbom.main() == 0
    assert [path.name for path in stale.parent.iterdir()] == ["dependencies.cdx.json"]
    assert "build/sbom/dependencies.cdx.json: " in capsys.readouterr().out


def test_the_command_tells_what_it_cannot_explain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: Path) -> None:
        raise BundlingError("no package index")

    monkeypatch.setattr(sbom, "_CHECKOUT", tmp_path)
    monkeypatch.setattr(sbom, "bills", refuse)
    assert sbom.main() == 1
    assert "no package index" in capsys.readouterr().err
