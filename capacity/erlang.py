"""How long callers wait for agents: Erlang B, C and A.

Erlang C is the queue M/M/n: calls come at random, nobody gives up. Erlang A is M/M/n+M: callers give up after
a patience that is distributed exponentially. B and C are from Cooper, "Introduction to Queueing Theory"
(1981), chapter 3; A is from Zeltyn and Mandelbaum, "Call Centers with Impatient Customers: Many-Server
Asymptotics of the M/M/n+G Queue" (2005).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

type _Function = Callable[[float], float]

# The density of waits is integrated where it is at least this part (e^-45) of its highest.
_REACH = 45.0
_STEPS = 4_000


@dataclass(frozen=True, kw_only=True)
class Waits:
    """How callers wait; shares are of all calls, times are seconds."""

    waiting: float
    """Who is not answered at once."""
    mean_seconds: float
    """Of all callers, those included who are answered at once or give up: the average speed of answer where
    nobody gives up.
    """
    answered_in_time: float
    abandoned: float
    occupancy: float
    """The share of their time that agents spend on calls and wrap-up."""


def erlang_b(agents: int, offered: float) -> float:
    """The share of calls that find all agents busy when none may wait; `offered` is the load in Erlangs."""
    blocked = 1.0
    for number in range(1, agents + 1):
        blocked = offered * blocked / (number + offered * blocked)
    return blocked


def erlang_c(agents: int, offered: float) -> float:
    """The share of calls that wait when none is given up; 1 where the load is more than the agents."""
    return _waiting(erlang_b(agents, offered), agents, offered)


def patient_waits(
    agents: int, offered: float, *, handle_seconds: float, answer_within_seconds: float
) -> Waits:
    """Waits of callers who never give up. `agents` must exceed `offered`, or waits grow for ever.

    Raises ValueError when it does not.
    """
    if agents <= offered:
        raise ValueError(
            f"{agents} agents never catch up with {offered:.1f} Erlangs: more agents than Erlangs"
        )
    waiting = erlang_c(agents, offered)
    free = (agents - offered) / handle_seconds
    return Waits(
        waiting=waiting,
        mean_seconds=waiting / free,
        answered_in_time=1 - waiting * math.exp(-free * answer_within_seconds),
        abandoned=0.0,
        occupancy=offered / agents,
    )


def impatient_waits(
    agents: int,
    offered: float,
    *,
    handle_seconds: float,
    answer_within_seconds: float,
    patience_seconds: float,
) -> Waits:
    """Waits of callers who give up after `patience_seconds` on the average; there may be too few agents."""
    arrivals, service, leaving = offered / handle_seconds, agents / handle_seconds, 1 / patience_seconds

    def log_density(wait: float) -> float:
        return -arrivals * math.expm1(-leaving * wait) / leaving - service * wait

    most_likely = max(0.0, math.log(arrivals / service) / leaving)
    highest = log_density(most_likely)
    first, last = _support(log_density, most_likely, highest - _REACH)

    def integral(weight: float, until: float) -> float:
        """Of the density, unscaled, times e^(-weight x wait)."""
        return _simpson(
            lambda wait: math.exp(log_density(wait) - highest - weight * wait), first, min(until, last)
        )

    waits, answered = integral(0.0, last), integral(leaving, last)
    blocked = erlang_b(agents - 1, offered)
    # The probability of no wait, to the same scale: 1 / (blocked x arrivals) before scaling.
    none = math.exp(-highest) / (blocked * arrivals) if blocked > 0 else math.inf
    if math.isinf(none):
        return Waits(
            waiting=0.0, mean_seconds=0.0, answered_in_time=1.0, abandoned=0.0, occupancy=offered / agents
        )
    whole = none + waits
    abandoned = (waits - answered) / whole
    return Waits(
        waiting=waits / whole,
        mean_seconds=abandoned * patience_seconds,
        answered_in_time=(none + integral(leaving, answer_within_seconds)) / whole,
        abandoned=abandoned,
        occupancy=offered * (1 - abandoned) / agents,
    )


def fewest_agents(
    offered: float,
    *,
    handle_seconds: float,
    answer_within_seconds: float,
    answered_in_time: float,
    largest_occupancy: float = 1.0,
) -> int:
    """The fewest agents that answer the share `answered_in_time` of patient callers within the time, and are
    busy for no larger share of theirs than `largest_occupancy`.
    """
    agents = max(math.floor(offered) + 1, math.ceil(offered / largest_occupancy))
    blocked = erlang_b(agents, offered)
    while True:
        waiting = _waiting(blocked, agents, offered)
        late = waiting * math.exp(-(agents - offered) * answer_within_seconds / handle_seconds)
        if 1 - late >= answered_in_time:
            return agents
        agents += 1
        blocked = offered * blocked / (agents + offered * blocked)


def _waiting(blocked: float, agents: int, offered: float) -> float:
    if agents <= offered:
        return 1.0
    return blocked / (1 - offered / agents * (1 - blocked))


def _support(log_density: _Function, most_likely: float, least: float) -> tuple[float, float]:
    """Where a density with one peak is above `least`, from 0 on."""
    first = 0.0 if log_density(0.0) >= least else _crossing(log_density, 0.0, most_likely, least)
    beyond = most_likely + 1.0
    while log_density(beyond) > least:
        beyond += beyond - most_likely
    return first, _crossing(log_density, beyond, most_likely, least)


def _crossing(function: _Function, below: float, above: float, level: float) -> float:
    """Where `function` passes `level` between a place where it is below and one where it is above."""
    for _ in range(100):
        middle = (below + above) / 2
        if function(middle) < level:
            below = middle
        else:
            above = middle
    return below


def _simpson(function: _Function, first: float, last: float) -> float:
    if last <= first:
        return 0.0
    step = (last - first) / _STEPS
    inner = sum((4 if number % 2 else 2) * function(first + number * step) for number in range(1, _STEPS))
    return step / 3 * (function(first) + inner + function(last))
