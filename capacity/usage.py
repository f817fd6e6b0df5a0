"""What one call makes the backend do: which function, how long, what it writes and reads.

Units of the table follow lambdas/calls/table.py: a write is billed by the item before or after it, whichever
is larger, in whole KiB, and again for the index by contact where that changes; a consistent read in 4 KiB.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from capacity.figures import (
    ASSUMED,
    AUTHORIZER_CPU_MS,
    CALL_CONTROL_CPU_MS,
    CALLER_CONTEXT_CPU_MS,
    CONTACT_EVENTS_CPU_MS,
    START_CALL_CPU_MS,
    WHOLE_CORE_MIB,
)
from capacity.load import Settings

START_CALL, CALL_CONTROL = "start_call", "call_control"
CONTACT_EVENTS, CALLER_CONTEXT, AUTHORIZER = "contact_events", "caller_context", "authorizer"

_WRITE = math.ceil(ASSUMED.item_kib)
_READ = math.ceil(ASSUMED.item_kib / 4)
_INDEX_WRITE = 1
# Not consistent, and of keys alone.
_INDEX_READ = 0.5


@dataclass(frozen=True, kw_only=True)
class Operation:
    """Something that a function does so many times in a call."""

    name: str
    function: str
    per_call: float
    cpu_ms: float
    aws_ms: float
    write_units: float = 0
    read_units: float = 0
    is_request: bool = True
    """Whether the app asks for it, through the API."""

    def seconds(self, memory_mib: int) -> float:
        """How long it takes a warm function of this memory."""
        return (self.cpu_ms / min(1, memory_mib / WHOLE_CORE_MIB) + self.aws_ms) / 1_000


def operations(settings: Settings) -> Sequence[Operation]:
    """All that a call makes the functions do."""
    connected = ASSUMED.table_read_ms + 2 * ASSUMED.connect_ms + ASSUMED.table_write_ms
    requested = [
        Operation(
            name="start",
            function=START_CALL,
            per_call=1,
            cpu_ms=START_CALL_CPU_MS,
            aws_ms=2 * ASSUMED.table_write_ms + ASSUMED.start_webrtc_contact_ms,
            # The claim takes the user's earlier contact out of the index, the answer puts the new one in.
            write_units=2 * (_WRITE + _INDEX_WRITE),
        ),
        Operation(
            name="read the state",
            function=CALL_CONTROL,
            per_call=ASSUMED.status_reads,
            # Like caller_context, it asks AWS once.
            cpu_ms=CALLER_CONTEXT_CPU_MS,
            aws_ms=ASSUMED.table_read_ms,
            read_units=_READ,
        ),
        Operation(
            name="hang up",
            function=CALL_CONTROL,
            per_call=ASSUMED.hang_ups,
            cpu_ms=CALL_CONTROL_CPU_MS,
            aws_ms=ASSUMED.table_read_ms + ASSUMED.connect_ms + ASSUMED.table_write_ms,
            write_units=_WRITE,
            read_units=_READ,
        ),
        Operation(
            name="rejoin",
            function=CALL_CONTROL,
            per_call=ASSUMED.rejoins,
            cpu_ms=CALL_CONTROL_CPU_MS,
            aws_ms=connected,
            write_units=_WRITE,
            read_units=_READ,
        ),
        Operation(
            name="send digits",
            function=CALL_CONTROL,
            per_call=ASSUMED.digit_requests,
            cpu_ms=CALL_CONTROL_CPU_MS,
            aws_ms=connected,
            write_units=_WRITE,
            read_units=_READ,
        ),
    ]
    return [*requested, *_unrequested(), *_authorized(settings, requested)]


def _unrequested() -> list[Operation]:
    return [
        Operation(
            name="tell who calls",
            function=CALLER_CONTEXT,
            per_call=1,
            cpu_ms=CALLER_CONTEXT_CPU_MS,
            aws_ms=ASSUMED.table_write_ms,
            write_units=_WRITE,
            is_request=False,
        ),
        Operation(
            name="note an event",
            function=CONTACT_EVENTS,
            per_call=ASSUMED.events,
            cpu_ms=CONTACT_EVENTS_CPU_MS,
            aws_ms=ASSUMED.table_query_ms + ASSUMED.table_read_ms + ASSUMED.table_write_ms,
            write_units=_WRITE * ASSUMED.events_with_news / ASSUMED.events,
            read_units=_INDEX_READ + _READ,
            is_request=False,
        ),
    ]


def _authorized(settings: Settings, requested: Sequence[Operation]) -> list[Operation]:
    if settings.has_user_pool:
        return []
    requests = sum(operation.per_call for operation in requested)
    return [
        Operation(
            name="check a token",
            function=AUTHORIZER,
            # Kept answers do for what the app asks in a row; hanging up comes later.
            per_call=min(requests, 2) if settings.token_cache_seconds else requests,
            cpu_ms=AUTHORIZER_CPU_MS,
            aws_ms=0,
            is_request=False,
        )
    ]
