"""The tables of docs/capacity.md, which the calculator writes there."""

from __future__ import annotations

import re
from collections.abc import Mapping

from capacity import tables
from capacity.load import Load, Settings
from capacity.tables import Table

# What the document's tables are about: a call of five minutes, half a minute of which is wrap-up.
LOAD = Load(calls_per_hour=1_000_000, aht_seconds=300)
SETTINGS = Settings()
_CALLS_PER_HOUR = (1_000, 10_000, 100_000, 1_000_000)
_INSTANCES = (1, 2, 5, 10, 20)


class DocumentError(Exception):
    """The document has no place for a table; the message says which."""


def renewed(text: str) -> str:
    """`text` with each table as it is now, between `<!-- table: name -->` and `<!-- end -->`.

    Raises DocumentError.
    """
    for name, table in _tables().items():
        place = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not place.search(text):
            raise DocumentError(f"no place for the table {name}: put <!-- table: {name} --> and <!-- end -->")
        markdown = f"\n{table.as_markdown()}\n\n"
        text = place.sub(lambda found, markdown=markdown: found[1] + markdown + found[2], text)  # type: ignore[misc]
    return text


def _tables() -> Mapping[str, Table]:
    return {
        "limits": tables.limits(LOAD, SETTINGS, calls_per_hour=_CALLS_PER_HOUR),
        "summaries": tables.summaries(LOAD, SETTINGS, calls_per_hour=_CALLS_PER_HOUR),
        "bills": tables.bills(LOAD, SETTINGS, calls_per_hour=_CALLS_PER_HOUR),
        "spreads": tables.spreads(LOAD, SETTINGS, instances=_INSTANCES),
        "assumptions": tables.assumptions(),
    }
