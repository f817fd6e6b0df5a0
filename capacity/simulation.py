"""The queue of callers and the token bucket, played call by call (simpy) with random times from a seed."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import simpy

from capacity.erlang import Waits

# Calls at the beginning that are not counted: nobody is on a call yet.
_WARM_UP = 0.02


class CallCentre:
    """Agents who take the call that has waited longest; callers who may give up."""

    def __init__(
        self,
        *,
        agents: int,
        arrivals_per_second: float,
        handle_seconds: float,
        answer_within_seconds: float,
        patience_seconds: float | None,
        calls: int,
        seed: int,
    ) -> None:
        """`patience_seconds` is the mean of a patience that is distributed exponentially; None if endless."""
        self._clock = simpy.Environment()
        self._random = random.Random(seed)  # noqa: S311 - a simulation, that must come out the same again
        self._agents = self._free = agents
        self._arrivals = arrivals_per_second
        self._service = 1 / handle_seconds
        self._in_time = answer_within_seconds
        self._leaving = None if patience_seconds is None else 1 / patience_seconds
        self._calls = calls
        self._first_counted = int(calls * _WARM_UP)
        self._came = 0
        # Who waits: number of the call and when it came. Who gave up is gone from `_waiting`.
        self._queue: deque[int] = deque()
        self._waiting: dict[int, float] = {}
        self._busy_seconds = 0.0
        self._busy_since = 0.0
        self._count_from = 0.0
        self._delayed = self._answered_in_time = self._abandoned = 0
        self._waited_seconds = 0.0

    def run(self) -> Waits:
        """Plays all calls."""
        _after(self._clock, 0, self._arrive)
        self._clock.run()
        counted = self._calls - self._first_counted
        return Waits(
            waiting=self._delayed / counted,
            mean_seconds=self._waited_seconds / counted,
            answered_in_time=self._answered_in_time / counted,
            abandoned=self._abandoned / counted,
            occupancy=self._busy_seconds / (self._agents * (self._busy_since - self._count_from)),
        )

    def _arrive(self) -> None:
        number = self._came
        self._came += 1
        if number == self._first_counted:
            self._count_from = self._busy_since = self._clock.now
            self._busy_seconds = 0.0
        if self._free:
            self._change_busy(1)
            self._answer(number, waited=0.0)
        else:
            self._delayed += number >= self._first_counted
            self._queue.append(number)
            self._waiting[number] = self._clock.now
            if self._leaving is not None:
                patience = self._random.expovariate(self._leaving)
                _after(self._clock, patience, lambda: self._give_up(number))
        if self._came < self._calls:
            _after(self._clock, self._random.expovariate(self._arrivals), self._arrive)

    def _answer(self, number: int, *, waited: float) -> None:
        if number >= self._first_counted:
            self._waited_seconds += waited
            self._answered_in_time += waited <= self._in_time
        _after(self._clock, self._random.expovariate(self._service), self._finish)

    def _finish(self) -> None:
        while self._queue:
            number = self._queue.popleft()
            came = self._waiting.pop(number, None)
            if came is not None:
                self._answer(number, waited=self._clock.now - came)
                return
        self._change_busy(-1)

    def _give_up(self, number: int) -> None:
        came = self._waiting.pop(number, None)
        if came is not None and number >= self._first_counted:
            self._abandoned += 1
            self._waited_seconds += self._clock.now - came

    def _change_busy(self, more: int) -> None:
        # While the last calls end no others come: that time does not count.
        if self._came < self._calls:
            self._busy_seconds += (self._agents - self._free) * (self._clock.now - self._busy_since)
            self._busy_since = self._clock.now
        self._free -= more


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """What became of starts that met a token bucket."""

    refused: float
    """The share of first requests that was refused."""
    gave_up: float
    """The share of callers who were refused each time."""
    requests_per_call: float


class Bucket:
    """A token bucket that callers meet at random, and again a while after it has refused them."""

    def __init__(
        self,
        *,
        arrivals_per_second: float,
        rate: float,
        burst: int,
        tries: int,
        retry_seconds: tuple[float, float],
        calls: int,
        seed: int,
    ) -> None:
        """A caller asks up to `tries` times, each a time between the two `retry_seconds` after a refusal."""
        self._clock = simpy.Environment()
        self._random = random.Random(seed)  # noqa: S311 - a simulation, that must come out the same again
        self._arrivals = arrivals_per_second
        self._rate = rate
        self._burst = burst
        self._tries = tries
        self._retry = retry_seconds
        self._calls = calls
        self._tokens = float(burst)
        self._filled_at = 0.0
        self._came = self._requests = self._refused = self._gave_up = 0

    def run(self) -> Refusals:
        """Plays all calls."""
        _after(self._clock, 0, self._arrive)
        self._clock.run()
        return Refusals(
            refused=self._refused / self._calls,
            gave_up=self._gave_up / self._calls,
            requests_per_call=self._requests / self._calls,
        )

    def _arrive(self) -> None:
        self._came += 1
        self._ask(first=True, left=self._tries)
        if self._came < self._calls:
            _after(self._clock, self._random.expovariate(self._arrivals), self._arrive)

    def _ask(self, *, first: bool, left: int) -> None:
        self._requests += 1
        now = self._clock.now
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return
        self._refused += first
        if left == 1:
            self._gave_up += 1
        else:
            _after(
                self._clock,
                self._random.uniform(*self._retry),
                lambda: self._ask(first=False, left=left - 1),
            )


def _after(clock: simpy.Environment, seconds: float, does: Callable[[], None]) -> None:
    """Has something done later. A callback of an event: a process of simpy would take thrice as long."""
    event = clock.timeout(seconds)
    event.callbacks.append(lambda _: does())
