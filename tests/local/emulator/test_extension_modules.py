import sys
from pathlib import Path

import pytest

from local.emulator.lambda_.extension_modules import ExtensionModules


@pytest.fixture
def finder(tmp_path: Path) -> ExtensionModules:
    """Of a machine that has an extension module at the top and one in a package, beside Python's own."""
    for file in ("top.cpython-313-x86_64-linux-gnu.so", "package/inner/_fast.abi3.so", "package/plain.py"):
        place = tmp_path / "extensions" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return ExtensionModules(str(tmp_path / "extensions"))


def asset(folder: Path, *files: str) -> str:
    for file in files:
        (folder / "asset" / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / "asset" / file).touch()
    return str(folder / "asset")


def test_what_an_asset_holds_for_another_machine_is_found_for_this_one(
    finder: ExtensionModules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys, "path", [asset(tmp_path, "top.cpython-313-aarch64-linux-gnu.so", "package/inner/_fast.abi3.so")]
    )
    found = finder.find_spec("top")
    assert found is not None
    assert found.origin == str(tmp_path / "extensions/top.cpython-313-x86_64-linux-gnu.so")
    found = finder.find_spec("package.inner._fast", [str(tmp_path / "asset/package/inner")])
    assert found is not None
    assert found.origin == str(tmp_path / "extensions/package/inner/_fast.abi3.so")


@pytest.mark.parametrize("name", ["top", "package", "package.plain", "package.inner", "json"])
def test_what_an_asset_lacks_is_missing(
    name: str, finder: ExtensionModules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [asset(tmp_path, "package/plain.py", "topmost.abi3.so")])
    assert finder.find_spec(name) is None
    assert finder.find_spec("package.inner._fast", [str(tmp_path / "asset/package/inner")]) is None


def test_without_extensions_nothing_is_found(tmp_path: Path) -> None:
    assert ExtensionModules(str(tmp_path / "none")).find_spec("top") is None
