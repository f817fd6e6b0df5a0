"""What is calculated beside what is simulated."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import mean, stdev

from capacity.load import Load, Settings
from capacity.plan import Plan
from capacity.simulation import Bucket, CallCentre, Refusals
from capacity.tables import Table, number, share
from capacity.throttle import refused_share

LARGEST_LOAD = 100.0
"""Erlangs. A larger load takes so many calls to settle that it is simulated smaller."""

TRIES = 5
RETRY_SECONDS = (1.0, 2.0)
"""After a 429 an app is taken to wait what Retry-After says, 1 second from the API and 2 from the function,
or a time in between, and to ask five times in all.
"""

RUNS = 5
_CALLS = 200_000
_WAITS = (
    ("callers who wait", "waiting", share),
    ("mean wait, seconds", "mean_seconds", number),
    ("answered in time", "answered_in_time", share),
    ("give up", "abandoned", share),
    ("agents' time busy", "occupancy", share),
)


def simulated_load(load: Load) -> Load:
    """`load` on one instance, made so small that a simulation of it settles."""
    alone = replace(load, instances=1)
    offered = Plan(alone, Settings()).offered
    return replace(alone, calls_per_hour=load.calls_per_hour * min(1.0, LARGEST_LOAD / offered))


def queue(plan: Plan, *, advance: Callable[[], None]) -> Table:
    """Erlang C and A beside a million calls each; `advance` is called after each of two times `RUNS` runs."""
    load = plan.load
    rows: list[list[str]] = []
    for name, patience, calculated in (
        ("Erlang C", None, plan.waits),
        ("Erlang A", load.patience_seconds, plan.impatient),
    ):
        runs = []
        for seed in range(RUNS):
            centre = CallCentre(
                agents=plan.agents,
                arrivals_per_second=plan.arrivals_per_second,
                handle_seconds=load.aht_seconds,
                answer_within_seconds=load.answer_within_seconds,
                patience_seconds=patience,
                calls=_CALLS,
                seed=seed,
            )
            runs.append(centre.run())
            advance()
        rows.extend(
            [
                f"{name}: {what}",
                show(getattr(calculated, field)),
                *_measured([getattr(run, field) for run in runs], show),
            ]
            for what, field, show in _WAITS
        )
    return _table(f"{number(load.calls_per_hour)} calls an hour, {plan.agents} agents", rows)


def throttle(arrivals_per_second: float, *, rate: float, burst: int, advance: Callable[[], None]) -> Table:
    """A token bucket beside a million starts, and as many with apps that ask again; `advance` as above."""
    once, again = list[Refusals](), list[Refusals]()
    for seed in range(RUNS):
        for tries, runs in ((1, once), (TRIES, again)):
            bucket = Bucket(
                arrivals_per_second=arrivals_per_second,
                rate=rate,
                burst=burst,
                tries=tries,
                retry_seconds=RETRY_SECONDS,
                calls=_CALLS,
                seed=seed,
            )
            runs.append(bucket.run())
            advance()
    calculated = share(refused_share(arrivals_per_second, rate=rate, burst=burst))
    return _table(
        f"{number(arrivals_per_second)} starts a second, {number(rate)} admitted, {burst} at once",
        [
            ["refused", calculated, *_measured([run.refused for run in once], share)],
            [
                f"asking {TRIES} times: refused at first",
                "",
                *_measured([run.refused for run in again], share),
            ],
            [
                f"asking {TRIES} times: refused for good",
                "",
                *_measured([run.gave_up for run in again], share),
            ],
            [
                f"asking {TRIES} times: requests of a call",
                "",
                *_measured([run.requests_per_call for run in again], number),
            ],
        ],
    )


def _table(title: str, rows: Sequence[Sequence[str]]) -> Table:
    return Table(title=title, headings=["", "calculated", "simulated", "standard error"], rows=rows)


def _measured(values: Sequence[float], show: Callable[[float], str]) -> list[str]:
    return [show(mean(values)), show(stdev(values) / math.sqrt(len(values)))]
