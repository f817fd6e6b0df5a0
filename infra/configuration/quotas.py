"""`[connect.quotas]`: how often Amazon Connect may be called."""

from __future__ import annotations

from typing import Annotated

from pydantic import ValidationInfo, field_validator

from infra.configuration.faults import refuse
from infra.configuration.section import Section
from infra.configuration.values import Whole

_SOURCE = 'Amazon Connect administrator guide, "Amazon Connect service quotas"'

MAX_RATE = 5_000
"""Requests a second. API Gateway's own burst is no more, and a burst is at least its rate."""


class Quotas(Section):
    """The account's quotas of Connect's API: requests a second, and the burst above it.

    `call_control_…` is the least of CreateParticipant's and those of the participant service: that of
    CreateParticipant, unless they were raised.
    """

    start_webrtc_contact_rate: Annotated[
        int,
        Whole(1, MAX_RATE, "requests a second; AWS gives 2 unless your quota was raised", _SOURCE),
    ] = 2
    """Starts of calls a second. Raise it with the quota, not before it."""

    start_webrtc_contact_burst: Annotated[
        int, Whole(1, MAX_RATE, "requests; AWS gives 5 unless your quota was raised", _SOURCE)
    ] = 5
    """Starts of calls at once."""

    stop_contact_rate: Annotated[
        int,
        Whole(1, MAX_RATE, "requests a second; AWS gives 10 unless your quota was raised", _SOURCE),
    ] = 10
    """Hang-ups a second. Nothing else that callers do counts towards it."""

    stop_contact_burst: Annotated[
        int, Whole(1, MAX_RATE, "requests; AWS gives 15 unless your quota was raised", _SOURCE)
    ] = 15
    """Hang-ups at once."""

    call_control_rate: Annotated[
        int,
        Whole(
            1,
            MAX_RATE,
            "requests a second; AWS gives 5 of CreateParticipant unless your quota was raised",
            _SOURCE,
        ),
    ] = 5
    """Rejoins and digits a second, each."""

    call_control_burst: Annotated[
        int,
        Whole(
            1, MAX_RATE, "requests; AWS gives 8 of CreateParticipant unless your quota was raised", _SOURCE
        ),
    ] = 8
    """Rejoins and digits at once, each."""

    @field_validator("start_webrtc_contact_burst", "stop_contact_burst", "call_control_burst")
    @classmethod
    def _reaches_rate(cls, value: int, info: ValidationInfo) -> int:
        refuse_burst_below_rate(value, info)
        return value


def refuse_burst_below_rate(burst: int, info: ValidationInfo) -> None:
    """Refuses the burst being validated where it is below the rate of the same name."""
    name = str(info.field_name).replace("_burst", "_rate")
    rate = info.data.get(name, 0)
    if burst < rate:
        refuse(f"at least {name} ({rate}): so many requests of one second may come at once")
