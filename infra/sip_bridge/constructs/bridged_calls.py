"""The table of what the SIP bridge remembers of calls."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.record_table import RecordTable


class BridgedCalls(RecordTable):
    """One item per call, by the reference that its contact presents; the index finds it by its meeting."""

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey) -> None:
        super().__init__(
            scope,
            id_,
            key=key,
            records="BridgedCalls",
            title="Table of bridged calls",
            partition_key="Reference",
            # As lambdas/sip_bridge/bridged_calls.py spells it.
            index="ByMeetingId",
            index_key="MeetingId",
        )
