"""Quotas of Amazon Connect against `[connect.quotas]`."""

from __future__ import annotations

from collections.abc import Iterator

from operations.doctor.check import Check, Finding, failed, passed_or_warned, unknown
from operations.doctor.checks.instance import has_instance
from operations.doctor.quota_reading import (
    CONCURRENT_CALLS,
    PARTICIPANT_RATE,
    QUOTA_READS,
    START_RATE,
    STOP_RATE,
    read_quota,
)
from operations.doctor.subject import Subject


def _look_at_rates(subject: Subject) -> Iterator[Finding]:
    """A rate above the quota lets through what Connect then refuses: callers get 503 in place of 429."""
    quotas = subject.configuration.connect.quotas
    rates = [(STOP_RATE, "stop_contact_rate"), (PARTICIPANT_RATE, "call_control_rate")]
    if subject.is_native:
        rates.insert(0, (START_RATE, "start_webrtc_contact_rate"))
    for quota, key in rates:
        value, is_applied = read_quota(subject, quota)
        configured = getattr(quotas, key)
        read = f"{quota.name}: {value:g} a second"
        wanted = f"at least connect.quotas.{key}, {configured}"
        fix = f"lower connect.quotas.{key}, or {quota.request}"
        if is_applied:
            yield passed_or_warned(value >= configured, read, wanted, fix)
        else:
            yield unknown(f"{read}, by AWS's default alone", wanted, fix)


def _look_at_calls(subject: Subject) -> Iterator[Finding]:
    value, is_applied = read_quota(subject, CONCURRENT_CALLS)
    burst = subject.configuration.connect.quotas.start_webrtc_contact_burst
    read = f"{CONCURRENT_CALLS.name}: {value:g}"
    wanted = f"at least connect.quotas.start_webrtc_contact_burst, {burst}"
    # A new instance may have none at all.
    if is_applied and value < 1:
        yield failed(read, wanted, CONCURRENT_CALLS.request)
    elif is_applied:
        yield passed_or_warned(value >= burst, read, wanted, CONCURRENT_CALLS.request)
    else:
        yield unknown(f"{read}, by AWS's default alone", wanted, CONCURRENT_CALLS.request)


CHECKS = (
    Check(name="connect rates", reads=QUOTA_READS, look=_look_at_rates),
    Check(
        name="concurrent calls",
        reads=QUOTA_READS,
        look=_look_at_calls,
        applies=has_instance,
        after="instance",
    ),
)
