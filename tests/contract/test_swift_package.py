"""The iOS package: it decodes the contract's examples, and what needs Apple's frameworks is type-checked."""

import os
import re

import pytest

from tests.contract.swift import CHECKOUT, SCRATCH, run, swift
from tools.swift.examples import FIXTURE, examples

IOS = CHECKOUT / "clients/ios"
STUBS = IOS / "Stubs/Sources"
STUBS_SCRATCH = "build/swift-stubs"


def test_the_swift_tests_decode_the_contracts_examples() -> None:
    assert FIXTURE.read_text(encoding="utf-8") == examples(), "Run `python -m tools.swift.examples`."


def test_the_readme_shows_the_call_button_that_is_compiled() -> None:
    button = (IOS / "Sample/CallButton.swift").read_text(encoding="utf-8")
    assert len(button.splitlines()) <= 25
    for page in (IOS / "README.md", CHECKOUT / "docs/apps.md"):
        assert f"```swift\n{button}```" in page.read_text(encoding="utf-8"), page


@pytest.mark.slow
def test_the_package_keeps_its_promises_on_linux() -> None:
    printed = swift("test", "-j", "1", *SCRATCH, "--skip", "EndToEndTests")
    assert re.search(r"Test run with \d\d tests passed", printed)


@pytest.mark.slow
def test_the_package_is_formatted() -> None:
    swift(
        "format",
        "lint",
        "--strict",
        "--configuration",
        "clients/ios/.swift-format",
        "-r",
        "Package.swift",
        str(IOS),
    )


@pytest.mark.slow
def test_the_documentation_has_no_broken_link_and_no_gap() -> None:
    run("sh", "tests/contract/swift_documentation.sh", SCRATCH[1])


@pytest.mark.slow
def test_what_needs_apples_frameworks_compiles() -> None:
    """Adapters and sample app, against the stubs."""
    printed = swift(
        "build", "-j", "1", "--package-path", "clients/ios/Stubs", "--scratch-path", STUBS_SCRATCH
    )
    assert "warning:" not in printed


USED = re.compile(r" {4}(public (class |static |convenience )*(func|var|let|init)\b|func|case)")


def members(lines: list[str]) -> list[range]:
    """Where a stub declares one member of a type, of which an adapter needs every one.

    Those of the observers' and delegates' protocols are required of an adapter rather than used by it.
    """
    found, declared = [], ""
    for number, line in enumerate(lines):
        if re.match(r"(public|extension|@)", line):
            declared = line
        if USED.match(line) and not re.search(r"protocol \w+(Observer|Delegate)\b", declared):
            end = number
            while lines[end].endswith("(") or lines[end].startswith("        "):
                end += 1
            found.append(range(number, end + 1))
    return found


# A check takes seconds. SWIFT_MEMBERS=1 checks all some seventy.
EVERY = int(os.environ.get("SWIFT_MEMBERS", "8"))


@pytest.mark.slow
def test_removing_a_member_from_the_stubs_fails_the_build() -> None:
    """Each alone, type-checked: the stubs declare what the adapters use, and nothing beside it."""
    test_what_needs_apples_frameworks_compiles()
    folder = CHECKOUT / "build/swift-members"
    folder.mkdir(parents=True, exist_ok=True)
    checks = []
    removed = {}
    for module, adapter in (("CallKit", "InAppCallingSystem"), ("AmazonChimeSDK", "InAppCallingChime")):
        lines = (STUBS / module / f"{module}.swift").read_text(encoding="utf-8").splitlines()
        for member in members(lines)[::EVERY]:
            name = f"{module}-{member.start}"
            (folder / name).mkdir(exist_ok=True)
            without = lines[: member.start] + lines[member.stop :]
            (folder / name / f"{module}.swift").write_text("\n".join(without), encoding="utf-8")
            checks.append(f"{name} {module} {adapter}")
            removed[name] = lines[member.start].strip()
    (folder / "checks").write_text("\n".join(checks) + "\n", encoding="utf-8")
    printed = run("sh", "tests/contract/swift_members.sh", str(folder.relative_to(CHECKOUT)), STUBS_SCRATCH)
    kept = re.findall(r"^builds without (\S+)$", printed, flags=re.MULTILINE)
    assert [removed[name] for name in kept] == []
    assert f"checked {len(checks)}" in printed
