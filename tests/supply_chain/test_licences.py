"""Which licences are let in, and how a licence is read of what a package says."""

from __future__ import annotations

import json
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from infra.bundling import BundlingError
from supply_chain import licences
from supply_chain.declared_licence import UnknownLicenceError, declared_licence, normalised, permits
from supply_chain.licences import PERMISSIVE, TOOLS, Package, faults, installed, shipped
from tests.infra.synthesis import CHECKOUT


def distribution(folder: Path, name: str, *fields: str) -> PathDistribution:
    described = folder / f"{name}-1.0.dist-info"
    described.mkdir(parents=True)
    text = "\n".join([f"Name: {name}", "Version: 1.0", *fields, "", ""])
    (described / "METADATA").write_text(text, encoding="utf-8")
    return PathDistribution(described)


def package(licence: str | None, *, name: str = "package", is_shipped: bool = False) -> Package:
    return Package(
        place=".venv",
        name=name,
        version="1.0",
        said=licence or "BSD",
        licence=licence,
        shipped=is_shipped,
    )


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        (["License-Expression: Apache-2.0 OR BSD-3-Clause"], "Apache-2.0 OR BSD-3-Clause"),
        (["License-Expression: mit"], "MIT"),
        (["License: Apache License 2.0"], "Apache-2.0"),
        (["License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License"], "MIT"),
        (
            [
                "License: MIT License",
                "        Permission is hereby granted",
                "Classifier: License :: OSI Approved :: MIT License",
            ],
            "MIT",
        ),
        (["Classifier: License :: OSI Approved :: ISC License (ISCL)"], "ISC"),
        # Newer words outweigh older ones.
        (["License-Expression: ISC", "Classifier: License :: OSI Approved :: MIT License"], "ISC"),
    ],
)
def test_a_licence_is_read_where_packages_write_it(
    tmp_path: Path, fields: list[str], expression: str
) -> None:
    assert declared_licence(distribution(tmp_path, "package", *fields)) == expression


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([], "nothing"),
        (["License: see the file"], "see the file"),
        (["License: BSD", "Classifier: License :: OSI Approved :: BSD License"], r"BSD \| License :: "),
    ],
)
def test_words_that_mean_no_licence_or_several_are_not_guessed_at(
    tmp_path: Path, fields: list[str], said: str
) -> None:
    with pytest.raises(UnknownLicenceError, match=said):
        declared_licence(distribution(tmp_path, "package", *fields))


def test_a_licence_file_that_a_person_read_counts_until_the_package_says_something_else(
    tmp_path: Path,
) -> None:
    read = distribution(tmp_path / "read", "python-dateutil", "License: Dual License")
    assert declared_licence(read) == "BSD-3-Clause"
    with pytest.raises(UnknownLicenceError):
        declared_licence(distribution(tmp_path / "new", "python-dateutil", "License: Triple License"))


def test_nonsense_is_no_expression() -> None:
    with pytest.raises(UnknownLicenceError, match="MIT AND"):
        normalised("MIT AND")


@pytest.mark.parametrize(
    ("expression", "permitted"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("(MIT OR GPL-3.0-only) AND Apache-2.0", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("LicenseRef-ours", False),
    ],
)
def test_of_alternatives_one_is_enough_and_of_several_all_must_permit(
    expression: str, permitted: bool
) -> None:
    assert permits(expression, PERMISSIVE) is permitted


def test_everything_that_is_shipped_or_installed_here_is_allowed() -> None:
    found = [
        *shipped(CHECKOUT),
        *(of for folder in (".venv", ".venv-local", "node_modules") for of in installed(CHECKOUT / folder)),
    ]
    assert {"botocore", "cryptography", "openssl", "pytest", "ministack", "aws-cdk"} <= {
        of.name for of in found
    }
    assert list(faults(found)) == []


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (package(None), r"^\.venv: package 1\.0 says 'BSD': no SPDX expression .*\n  Fix: read the licence"),
        (package("AGPL-3.0-only"), r"'AGPL-3\.0-only': this is not a permissive licence\.\n  Fix: "),
        (package("MPL-2.0"), r"this is a weak copyleft\.\n  Fix: .*TOOLS"),
        (package("MPL-2.0", name="certifi", is_shipped=True), r"this is not a permissive licence\.\n  Fix: "),
    ],
)
def test_other_licences_are_told_with_the_fix(refused: Package, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(*faults([refused]))


@pytest.mark.parametrize("name", TOOLS)
def test_a_named_tool_may_have_a_weak_copyleft(name: str) -> None:
    assert list(faults([package("MPL-2.0", name=name)])) == []


def test_what_an_npm_package_is_bundled_with_counts_too(tmp_path: Path) -> None:
    folder = tmp_path / "node_modules"
    (folder / "tool").mkdir(parents=True)
    lock = {
        "packages": {
            "node_modules/tool": {"version": "1.0", "license": "MIT"},
            "node_modules/x": {"version": "2"},
        }
    }
    (folder / ".package-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    (folder / "tool" / "THIRD_PARTY_LICENSES").write_text(
        "** @scope/inner@3.1 - https://example.com/inner | GPL-3.0-only\nGPL text\n\n-----\n",
        encoding="utf-8",
    )
    assert [(of.name, of.version, of.licence) for of in installed(folder)] == [
        ("tool", "1.0", "MIT"),
        ("@scope/inner", "3.1", "GPL-3.0-only"),
        ("x", "2", None),
    ]


def test_a_folder_without_packages_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no packages"):
        list(installed(tmp_path))


@pytest.mark.parametrize(("licence", "status"), [("MIT", 0), ("GPL-3.0-only", 1)])
def test_the_command_fails_when_a_licence_is_not_allowed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    licence: str,
    status: int,
) -> None:
    monkeypatch.setattr(licences, "shipped", lambda _: [])
    distribution(tmp_path / "lib" / "python3.13" / "site-packages", "tool", f"License-Expression: {licence}")
    assert licences.main([str(tmp_path)]) == status
    assert f"licences: 1 packages, {status} not allowed" in capsys.readouterr().out


def test_the_command_tells_what_it_cannot_build(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: Path) -> None:
        raise BundlingError("no package index")

    monkeypatch.setattr(licences, "shipped", refuse)
    assert licences.main([]) == 1
    assert "no package index" in capsys.readouterr().err
