"""What the documents name exists, and they read as docs/README.md promises."""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")])
MAKEFILE = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
TESTS = "\n".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "tests").rglob("test_*.py"))

MAX_README_WORDS = 1_200
MAX_CELL_CHARACTERS = 200

# Option A may be deleted from a checkout as a whole. Then what is named of it may be absent.
OPTION_A = re.compile(r"sip_bridge|docs/sip-bridge\.md|local-bridge\.toml")
HAS_OPTION_A = (CHECKOUT / "docs" / "sip-bridge.md").exists()

# Folders that a path in backticks begins with, and the files beside them.
ROOMS = (
    "app.py",
    "clients/",
    "config/",
    "docs/",
    "infra/",
    "lambdas/",
    "local/",
    "operations/",
    "tests/",
    "tools/",
)

# Words that a reader who comes from AWS would have to translate, and what belongs to one machine or registry.
NOT_OUR_WORDS = re.compile(
    r"\b(told|tells|asks|knows|helpers?|workplaces?)\b"
    r"|as good as once|one that never was|be against it|as you like"
    r"|pypi\.org|pythonhosted\.org|npmjs\.(org|com)"
    r"|(?<![\w.])/(work|home|root|Users|tmp)/",
    re.IGNORECASE,
)


def prose(document: Path) -> str:
    """The document without fenced blocks, which hold code and pictures."""
    return re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives the document's headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", prose(document), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading).lower()
        kept = "".join(c for c in text if c in " -_" or unicodedata.category(c)[0] in "LN")
        slug, number = kept.replace(" ", "-"), 0
        while (numbered := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(numbered)
    return found


def links(document: Path) -> Iterator[str]:
    """The targets of the document's links within the checkout, pictures included."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if not target.startswith(("https://", "http://", "mailto:")):
            yield target


def paths(document: Path) -> Iterator[str]:
    """What the document has in backticks that looks like a path of the checkout."""
    for text in re.findall(r"`([^`\n]+)`", prose(document)):
        if text.startswith(ROOMS) and not re.search(r"[\s<>…{}()$=]|acme", text):
            yield text


def rows(table: str) -> list[list[str]]:
    """The cells of each row of the tables in a text, without the lines under the headings."""
    lines = [
        line for line in table.splitlines() if line.startswith("|") and not re.match(r"\|[\s:|-]+\|$", line)
    ]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def section(document: Path, heading: str) -> str:
    """What stands under a heading of the second level."""
    return prose(document).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def may_be_absent(path: str) -> bool:
    return not HAS_OPTION_A and bool(OPTION_A.search(path))


@pytest.fixture(params=DOCUMENTS, ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def document(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_every_link_and_anchor_resolves(document: Path) -> None:
    for link in links(document):
        file, _, anchor = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        named = target.relative_to(CHECKOUT).as_posix()
        if may_be_absent(named):
            continue
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{link}: the headings give {sorted(anchors(target))}"


def test_every_path_exists(document: Path) -> None:
    for path in paths(document):
        assert may_be_absent(path) or list(CHECKOUT.glob(path.rstrip("/"))), path


def test_every_make_target_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+(?: [a-z0-9-]+)*):", MAKEFILE, re.MULTILINE))
    known = {target for line in targets for target in line.split()}
    for line in re.findall(
        r"(?:^ *|`)make ((?:[a-z][a-z0-9-]* ?)+)(?![A-Z=])",
        document.read_text(encoding="utf-8"),
        re.MULTILINE,
    ):
        assert set(line.split()) <= known, line


def test_every_test_exists(document: Path) -> None:
    for name in re.findall(r"`(test_[a-z0-9_]+)`", prose(document)):
        assert f"def {name}(" in TESTS, name


def test_no_table_cell_is_long(document: Path) -> None:
    for row in rows(prose(document)):
        for cell in row:
            assert len(cell) <= MAX_CELL_CHARACTERS, f"{len(cell)} characters: {cell}"


def test_the_words_are_plain(document: Path) -> None:
    found = [
        f"{match[0]!r} in: {line}"
        for line in prose(document).splitlines()
        for match in NOT_OUR_WORDS.finditer(line)
    ]
    assert not found, "\n".join(found)


def test_a_document_has_one_title_and_is_found_from_an_index(document: Path) -> None:
    assert len(re.findall(r"^# ", prose(document), re.MULTILINE)) == 1
    if document.name == "README.md" or document.parent == CHECKOUT:
        return
    index = document.parent / "README.md"
    assert document.name in {link.partition("#")[0] for link in links(index)}, f"{index} does not link to it"


def test_the_readme_is_short() -> None:
    words = len(prose(CHECKOUT / "README.md").split())
    assert words <= MAX_README_WORDS


def test_apps_find_every_problem_of_the_contract_and_no_other() -> None:
    contract = (CHECKOUT / "openapi.yaml").read_text(encoding="utf-8")
    table = rows(section(CHECKOUT / "docs" / "apps.md", "Errors"))[1:]
    documented = {slug for row in table for slug in re.findall(r"`([a-z-]+)`", row[0])}
    assert documented == set(re.findall(r"`([a-z-]+)`:", contract))


@pytest.mark.parametrize("name", ["security.md", "sip-bridge.md"])
def test_each_threat_has_a_test(name: str) -> None:
    document = CHECKOUT / "docs" / name
    if may_be_absent(f"docs/{name}"):
        return
    threats = [row[0] for row in rows(section(document, "Threats")) if re.fullmatch(r"[A-Z]\d+", row[0])]
    tests = dict(
        re.findall(r"^- \*\*([A-Z]\d+)\*\*:? (.+(?:\n  .+)*)", section(document, "Tests"), re.MULTILINE)
    )
    assert len(threats) == len(set(threats)) > 3
    assert list(tests) == threats
    assert [threat for threat, named in tests.items() if "`test_" not in named] == []
