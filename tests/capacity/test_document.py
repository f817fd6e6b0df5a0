"""docs/capacity.md shows what the calculator says."""

from pathlib import Path

import pytest

from capacity.document import DocumentError, renewed
from capacity.figures import CONCURRENT_CALLS, REGION
from capacity.tables import Table, number, rounded_down, share

TEXT = (Path(__file__).parents[2] / "docs" / "capacity.md").read_text(encoding="utf-8")


def test_its_tables_are_those_of_the_calculator() -> None:
    assert renewed(TEXT) == TEXT, "write them anew: python -m capacity --document"


def test_it_says_of_when_and_where_the_quotas_and_prices_are() -> None:
    assert f"read on {CONCURRENT_CALLS.of}" in TEXT
    assert REGION in TEXT


def test_a_document_without_a_place_for_a_table_is_told() -> None:
    with pytest.raises(DocumentError, match="no place for the table limits"):
        renewed("# Capacity\n")


def test_a_table_is_written_as_markdown() -> None:
    table = Table(title="Of numbers", headings=["what", "how many"], rows=[["calls", "3"]])
    assert table.as_markdown() == "| what | how many |\n| --- | ---: |\n| calls | 3 |"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1e-9, "< 0.001"),
        (0.00417, "0.00417"),
        (2.5, "2.5"),
        (12, "12"),
        (1_234.5, "1,234"),
        (float("inf"), "any"),
    ],
)
def test_numbers_have_three_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_what_is_enough_is_rounded_down_and_nearly_all_is_not_all() -> None:
    assert [rounded_down(value) for value in (0, 29.9, 2_199, 999_999)] == ["0", "29", "2,100", "990,000"]
    assert [share(value) for value in (0.5, 0.9997, 1.0)] == ["50.0%", "99.97%", "100.0%"]
