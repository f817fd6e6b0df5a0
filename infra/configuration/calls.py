"""`[calls]`: how long a call is remembered, and how many a user may start."""

from __future__ import annotations

from typing import Annotated

from pydantic import ValidationInfo, field_validator

from infra.configuration.faults import refuse
from infra.configuration.section import Section
from infra.configuration.values import Whole

_SECONDS_TO_JOIN = 60

START_CALL_TIMEOUT_SECONDS = 26
"""The function's own timeout; a shorter lease would let a second start pass a running first one."""


class Calls(Section):
    """The life of a call's record, and how many calls one user may start: in a window, and in 24 hours."""

    replay_seconds: Annotated[int, Whole(1, 3_600, "seconds in which a repeat gets the same call")] = 120
    """How long the same `Idempotency-Key` gets the same answer."""

    start_lease_seconds: Annotated[
        int,
        Whole(
            START_CALL_TIMEOUT_SECONDS + 1,
            300,
            "seconds after which a start that never ended is given up; longer than the function may run",
        ),
    ] = 30
    """After how long another start of the user may take the place of one that crashed."""

    reference_seconds: Annotated[
        int, Whole(10, 7_200, "seconds in which the contact flow may present the reference")
    ] = 300
    """How long the contact flow has to ask who calls."""

    longest_call_seconds: Annotated[
        int, Whole(60, 86_400, "seconds after which a call that no event ended counts as over")
    ] = 14_400
    """After how long a user may start another call though no event has ended the first."""

    starts_per_window: Annotated[int, Whole(1, 100, "calls of one user in a window")] = 5
    """How many calls one user may start in a window."""

    window_seconds: Annotated[int, Whole(1, 86_400, "seconds")] = 300
    """How long a window is."""

    starts_per_day: Annotated[int, Whole(1, 100, "calls of one user in 24 hours")] = 20
    """How many calls one user may start in 24 hours."""

    @field_validator("reference_seconds")
    @classmethod
    def _outlives_start(cls, value: int, info: ValidationInfo) -> int:
        lease = info.data.get("start_lease_seconds", 0)
        if value < lease:
            refuse(f"at least start_lease_seconds ({lease}): a start may run so long before the flow asks")
        replay = info.data.get("replay_seconds", 0)
        if value < replay + _SECONDS_TO_JOIN:
            refuse(
                f"at least {_SECONDS_TO_JOIN} more than replay_seconds ({replay}): the flow asks once the "
                "caller has joined, with an answer that may have been repeated so late"
            )
        return value

    @field_validator("longest_call_seconds")
    @classmethod
    def _outlives_replay(cls, value: int, info: ValidationInfo) -> int:
        replay = info.data.get("replay_seconds", 0)
        if value < replay:
            refuse(f"at least replay_seconds ({replay}): a repeat would get a call that counts as over")
        return value

    @field_validator("starts_per_day")
    @classmethod
    def _fits_window(cls, value: int, info: ValidationInfo) -> int:
        of_window = info.data.get("starts_per_window", 0)
        if value < of_window:
            refuse(f"at least starts_per_window ({of_window}): a window is no longer than a day")
        return value
