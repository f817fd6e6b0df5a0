"""What the documents point to is there."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DOCUMENTS = [CHECKOUT / "README.md", CHECKOUT / "SECURITY.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
TESTS = "\n".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "tests").rglob("test_*.py"))
TARGETS = set(
    re.findall(r"^([a-z0-9-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_tests_targets_and_files_that_there_are(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for test in re.findall(r"`(test_[a-z0-9_]+)`", text):
        assert f"def {test}(" in TESTS, test
    for target in re.findall(r"`make ([a-z0-9-]+)", text):
        assert target in TARGETS, target
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (document.parent / link).exists(), link


def test_apps_are_told_what_to_do_on_every_problem_of_the_contract_and_on_no_other() -> None:
    contract = (CHECKOUT / "openapi.yaml").read_text(encoding="utf-8")
    apps = (CHECKOUT / "docs" / "apps.md").read_text(encoding="utf-8")
    table = apps.partition("## Errors")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    told = {slug for row in rows for slug in re.findall(r"`([a-z-]+)`", row)}
    assert told - {"type"} == set(re.findall(r"`([a-z-]+)`:", contract))


def test_the_threat_model_names_a_test_for_each_of_its_controls() -> None:
    text = (CHECKOUT / "docs" / "security.md").read_text(encoding="utf-8")
    threats = text.partition("## Threats")[2].partition("\n## ")[0]
    rows = [
        row for row in threats.splitlines() if row.startswith("|") and not row.startswith(("|--", "| threat"))
    ]
    assert len(rows) > 30
    without = [row for row in rows if "`test_" not in row]
    # Whom the deployer trusts is the deployer's choice.
    assert [row.split("|")[1].strip() for row in without] == ["A federated provider that says what it likes"]
