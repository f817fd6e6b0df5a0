"""The table of calls."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.record_table import RecordTable


class CallTable(RecordTable):
    """One item per user: the user's current call; its index finds the user whose call a contact is.

    Blocks of users lie here too: no mistaken deployment removes them.
    """

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey) -> None:
        super().__init__(
            scope,
            id_,
            key=key,
            records="Calls",
            title="Table",
            partition_key="UserId",
            # As lambdas/calls/table.py spells it.
            index="ByContactId",
            index_key="ContactId",
            deletion_protection=True,
        )
