"""One call from what a deployment has kept of it: a timeline, with no token, claim or name in it.

What is shown is taken out of each source by name: nothing else of a log line, record or contact gets here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

CONTACT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What is put into queries: nothing else is."""

RECORD_NAMES = (
    "StartedAt", "QueuedAt", "ConnectedAt", "EndedAt", "Transport", "ContactId", "CallId", "HungUp", "Legs",
    "Reasons",
)  # fmt: skip
"""What is read of a record: not the answer, the reference, the context nor the display name."""

_LOG_NAMES = (
    "operation", "codes", "error_type", "status", "auth_status", "event_type", "state", "message_id",
)  # fmt: skip
ACCESS_NAMES = ("method", "resourcePath", "status", "responseLatencyMs", "errorType", "traceId")
"""What is shown of a line of the access log, as `infra.constructs.call_api` names it."""

_TIMES = (
    ("InitiationTimestamp", "contact initiated"),
    ("ConnectedToSystemTimestamp", "customer joined"),
    ("DisconnectTimestamp", "contact ended"),
)
_MAX_PATTERN = 1_024  # characters (Amazon CloudWatch Logs API reference, FilterLogEvents)
_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_TRACES_NAMED = ("traceId", "xray_trace_id")
_WORD = re.compile(r"[A-Za-z0-9_.:/{}\[\]' ,-]{1,200}")
_GAP = timedelta(seconds=30)


@dataclass(frozen=True, order=True)
class Entry:
    """Something that happened, in UTC."""

    at: datetime
    source: str
    what: str


def of_record(item: Mapping[str, Any]) -> Iterator[Entry]:
    """From an item of the table, as DynamoDB writes it; `RECORD_NAMES` of it."""
    transport = item.get("Transport", {}).get("S", "webrtc")
    for name, what in (
        ("StartedAt", f"start over {transport}"),
        ("QueuedAt", "in the queue"),
        ("ConnectedAt", "an agent took the call"),
        ("EndedAt", "ended by the caller" if item.get("HungUp", {}).get("BOOL") else "ended"),
    ):
        if name in item:
            yield Entry(_millis(item[name]["N"]), "record", what)
    reasons = item.get("Reasons", {}).get("M", {})
    for contact_id, ended in item.get("Legs", {}).get("M", {}).items():
        if int(ended["N"]):
            reason = reasons.get(contact_id, {}).get("S", "no reason given")
            yield Entry(_millis(ended["N"]), "record", f"contact {contact_id} ended: {reason}")


def of_contact(contact: Mapping[str, Any]) -> Iterator[Entry]:
    """From DescribeContact."""
    name = f"contact {contact['Id']}"
    for key, what in _TIMES:
        if key in contact:
            reason = f": {contact['DisconnectReason']}" if _ended_with(contact, key) else ""
            yield Entry(contact[key], "contact", f"{name}, {contact['InitiationMethod']}: {what}{reason}")
    if enqueued := contact.get("QueueInfo", {}).get("EnqueueTimestamp"):
        yield Entry(enqueued, "contact", f"{name}: into queue {contact['QueueInfo']['Id']}")
    if connected := contact.get("AgentInfo", {}).get("ConnectedToAgentTimestamp"):
        yield Entry(connected, "contact", f"{name}: an agent connected")


def _ended_with(contact: Mapping[str, Any], key: str) -> bool:
    return key == "DisconnectTimestamp" and "DisconnectReason" in contact


def of_log_line(at: datetime, line: str, ids: Iterable[str]) -> Iterator[Entry]:
    """From a line of a function's log or of the access log that names one of `ids`; else nothing."""
    for values in _naming([line], ids):
        if "resourcePath" in values:
            yield Entry(at, "api", _shown(values, ACCESS_NAMES))
        elif "message" in values:
            said = values["message"]
            # A library's own line may hold anything; those of the functions are short and their own.
            what = said if isinstance(said, str) and _WORD.fullmatch(said) else "another line"
            named = _shown(values, _LOG_NAMES)
            service = str(values.get("service", "function"))[:64]
            yield Entry(at, service, f"{what} ({named})" if named else what)


def _naming(lines: Iterable[str], ids: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """The lines that name one of `ids`, of those that are JSON objects."""
    wanted = tuple(ids)
    for line in lines:
        if any(each in line for each in wanted):
            try:
                values = json.loads(line)
            except ValueError:
                continue
            if isinstance(values, dict):
                yield values


def _shown(values: Mapping[str, Any], names: Sequence[str]) -> str:
    found = [(name, str(values[name])) for name in names if name in values]
    return ", ".join(f"{name} {value}" for name, value in found if _WORD.fullmatch(value))


def request_ids(lines: Iterable[str], ids: Iterable[str]) -> frozenset[str]:
    """The requests by which functions handled what these lines are about: the access log names them."""
    named = (values.get("function_request_id") for values in _naming(lines, ids))
    return frozenset(each for each in named if isinstance(each, str) and CONTACT_ID.fullmatch(each))


def filter_patterns(ids: Iterable[str]) -> Iterator[str]:
    """Patterns of CloudWatch Logs that together find the lines which name one of `ids`."""
    pattern = ""
    for each in sorted(ids):
        assert CONTACT_ID.fullmatch(each)  # noqa: S101  # or it could be more of a pattern
        term = f'?"{each}"'
        if pattern and len(pattern) + 1 + len(term) > _MAX_PATTERN:
            yield pattern
            pattern = ""
        pattern = f"{pattern} {term}".strip()
    if pattern:
        yield pattern


def trace_ids(lines: Iterable[str], ids: Iterable[str]) -> frozenset[str]:
    """The traces that lines about one of `ids` name."""
    named = (
        str(values.get(name)).removeprefix("Root=")
        for values in _naming(lines, ids)
        for name in _TRACES_NAMED
    )
    return frozenset(each for each in named if _TRACE_ID.fullmatch(each))


def of_trace(trace: Mapping[str, Any]) -> Iterator[Entry]:
    """From a trace of BatchGetTraces, each segment in it: its name, its time; no annotation, no parameter."""
    for segment in trace.get("Segments", []):
        try:
            document = json.loads(segment["Document"])
        except (KeyError, ValueError):
            continue
        if isinstance(document, dict):
            yield from _of_segment(document, within="")


def _of_segment(segment: Mapping[str, Any], within: str) -> Iterator[Entry]:
    name, start, end = (segment.get(key) for key in ("name", "start_time", "end_time"))
    if not isinstance(name, str) or not _WORD.fullmatch(name) or not isinstance(start, int | float):
        return
    took = f"{(end - start) * 1000:.0f} ms" if isinstance(end, int | float) else "not ended"
    wrong = [word for word in ("throttle", "fault", "error") if segment.get(word) is True]
    path = f"{within} > {name}" if within else name
    what = f"{path}: {took}{''.join(f', {word}' for word in wrong[:1])}"
    yield Entry(datetime.fromtimestamp(start, UTC), "trace", what)
    for each in segment.get("subsegments", []):
        if isinstance(each, dict):
            yield from _of_segment(each, path)


def verdict(entries: Sequence[Entry]) -> str:
    """What became of the call, in a sentence."""
    whole = " ".join(entry.what for entry in entries)
    if not entries:
        return "Nothing is known of it: another environment's, or older than what is kept."
    if "CUSTOMER_NEVER_ARRIVED" in whole:
        return "The app never joined the call that it had started."
    joined = "agent took" in whole or "agent connected" in whole
    ended = " ended" in f" {whole}"
    if joined:
        return "An agent took the call, and it ended." if ended else "An agent took the call; it goes on."
    if "queue" in whole:
        return "It ended in the queue, before an agent took it." if ended else "It waits in the queue."
    return "It ended before it reached a queue." if ended else "It was started, and reached no queue yet."


def render(entries: Iterable[Entry]) -> list[str]:
    """A line each, by time; gaps of half a minute and more are marked."""
    lines: list[str] = []
    before: datetime | None = None
    for entry in sorted(set(entries)):
        if before is not None and entry.at - before >= _GAP:
            lines.append(f"{'':24}… {(entry.at - before).total_seconds():.0f} s")
        at = entry.at.astimezone(UTC)
        lines.append(f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} {entry.source:22} {entry.what}")
        before = entry.at
    return lines


def _millis(value: str) -> datetime:
    return datetime.fromtimestamp(int(value) / 1000, UTC)
