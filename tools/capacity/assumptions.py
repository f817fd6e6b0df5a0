"""What `make capacity` assumes of a call: nobody publishes it, or only your callers show it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Assumptions:
    """Of one call, unless the name says otherwise."""

    availability_reads: float = 2
    status_reads: float = 4
    waiting_reads: float = 1  # of the status reads, those while the call waits in a queue
    queues: int = 5  # of which apps see the availability
    hang_ups: float = 0.6  # the others end with the agent
    rejoins: float = 0.02
    late_rejoins: float = 0.01  # Connect must create another participant
    digit_requests: float = 0.3
    digit_connections: float = 0.1
    contact_events: int = 5  # INITIATED, QUEUED, CONNECTED_TO_AGENT, DISCONNECTED, COMPLETED
    changing_events: int = 4  # COMPLETED repeats what DISCONNECTED said
    calls_per_user_and_month: float = 2
    flow_seconds: float = 5  # from the start of the contact to the queue
    item_kib: float = 3.5  # in the table; the answer of StartWebRTCContact is most of it
    answers_kb: float = 6
    invocation_log_kb: float = 1.8
    request_log_kb: float = 2.7  # the API's access log and the firewall's log
    traced_share: float = 0.05  # X-Ray's default rule, beside the first request of each second
    cpu_ms: float = 4  # of a warm invocation: docs/performance.md
    table_ms: float = 5
    start_webrtc_contact_ms: float = 300
    connect_ms: float = 100  # any other operation of Connect
    switch_read_seconds: float = 5  # how often an execution environment of start_call reads the switch
    key_cached_seconds: float = 300  # how long DynamoDB and SQS use a key without calling KMS
    metrics: int = 66
    alarms: int = 42
    firewall_rules: int = 9


ASSUMED = Assumptions()


@dataclass(frozen=True)
class Operation:
    """What a function does so often in a call, and the table's units of it, the index included."""

    function: str
    per_call: float
    aws_ms: float
    write_units: float = 0
    read_units: float = 0


# DynamoDB bills a write by whole KiB, a consistent read by 4 KiB, a read of the index's keys by half of that.
_WRITE, _READ = math.ceil(ASSUMED.item_kib), math.ceil(ASSUMED.item_kib / 4)
_TWO_TABLE, _CONNECT = 2 * ASSUMED.table_ms, ASSUMED.connect_ms
REQUESTS = (
    # The claim takes the user's earlier contact out of the index, the answer puts the new one in.
    Operation("start_call", 1, _TWO_TABLE + ASSUMED.start_webrtc_contact_ms, 2 * (_WRITE + 1)),
    # What a process has read of a queue it keeps; what it has not, another one has read.
    Operation("availability", ASSUMED.availability_reads, ASSUMED.table_ms, 0, 0.5),
    Operation("call_control", ASSUMED.status_reads - ASSUMED.waiting_reads, ASSUMED.table_ms, 0, _READ),
    # The caller looks at the position, and one or the other asks Connect: an item and its place in the index.
    Operation(
        "call_control", ASSUMED.waiting_reads, 4 * ASSUMED.table_ms + ASSUMED.connect_ms, 4, _READ + 1.5
    ),
    Operation("call_control", ASSUMED.hang_ups, _TWO_TABLE + _CONNECT, _WRITE, _READ),
    Operation("call_control", ASSUMED.rejoins, _TWO_TABLE + 2 * _CONNECT, _WRITE, _READ),
    Operation("call_control", ASSUMED.digit_requests, _TWO_TABLE + 2 * _CONNECT, _WRITE, _READ),
)
_EVENT_WRITE = _WRITE * ASSUMED.changing_events / ASSUMED.contact_events
OPERATIONS = (
    *REQUESTS,
    Operation("caller_context", 1, ASSUMED.table_ms, _WRITE),
    Operation("contact_events", ASSUMED.contact_events, 3 * ASSUMED.table_ms, _EVENT_WRITE, _READ + 0.5),
)
