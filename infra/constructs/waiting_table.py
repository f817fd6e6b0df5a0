"""The table of what is known of waiting."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.record_table import RecordTable


class WaitingTable(RecordTable):
    """What was read of queues, for all who ask; and contacts whose callers look at their position, by whose
    turn it is.

    Nothing of a person is in it, and all of it can be read again.
    """

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey) -> None:
        super().__init__(
            scope,
            id_,
            key=key,
            records="Waiting",
            title="Table of what is known of waiting",
            partition_key="Id",
            # As lambdas/calls/waiting_table.py spells it.
            index="ByTurn",
            index_key="Looking",
            index_sort_key="TurnAt",
        )
