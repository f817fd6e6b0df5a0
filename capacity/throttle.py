"""What share of requests a token bucket refuses, with 429.

A bucket of `burst` tokens is filled with `rate` tokens a second. Each request takes one, and is refused where
there is no whole one. The tokens that are missing are a workload that shrinks at a fixed rate: a request is
admitted exactly where fewer than `burst` others are at a server that takes 1/rate for each. So of requests
that come at random (Poisson) the share that is refused is that of the queue M/D/1 with `burst` places, which
its Markov chain at the moments of departure gives (Gross and others, "Fundamentals of Queueing Theory",
4th edition, chapter 5).
"""

from __future__ import annotations

import math

# Of numbers of requests that come while one token does, those are left out that are less likely than this
# part of the most likely one.
_NEGLIGIBLE = 1e-18
_TOO_LARGE = 1e200

# Requests for each token, from which on the bucket is never full again (its probability is below e^-30).
_NEVER_FULL = 30.0


def refused_share(arrivals_per_second: float, *, rate: float, burst: int) -> float:
    """The share of requests that is refused; they come at random, `arrivals_per_second` on the average."""
    load = arrivals_per_second / rate
    if load == 0:
        return 0.0
    if load > _NEVER_FULL and burst > 1:
        return 1 - 1 / load
    more = _probabilities_of_more(load)
    # How often a departure leaves 0, 1, … requests behind. Each follows from a cut: the number falls from
    # state + 1 to state as often as it rises from there or below to beyond it. All terms are positive, so
    # nothing cancels out.
    left = [1.0]
    for state in range(burst - 1):
        first = max(1, state + 2 - len(more))
        rises = sum(left[below] * more[state + 1 - below] for below in range(first, state + 1))
        if state < len(more):
            rises += left[0] * more[state]
        left.append(rises / math.exp(-load))
        if left[-1] > _TOO_LARGE:
            left = [times / _TOO_LARGE for times in left]
    full_bucket = left[0] / math.fsum(left)
    return max(0.0, 1 - 1 / (full_bucket + load))


def least_burst(arrivals_per_second: float, *, rate: float, refused: float) -> int:
    """The smallest burst with which at most the share `refused` is refused.

    Raises ValueError where no burst is enough: `rate` must exceed the arrivals.
    """
    if rate <= arrivals_per_second:
        raise ValueError(
            f"a rate of {rate:g} a second for {arrivals_per_second:g} arrivals: ask for a higher rate"
        )
    burst = 1
    while refused_share(arrivals_per_second, rate=rate, burst=burst) > refused:
        burst += 1
    return burst


def _probabilities_of_more(load: float) -> list[float]:
    """For 0, 1, …: the probability that more than so many requests come while one token does."""
    exactly = [math.exp(-load)]
    while len(exactly) <= load or exactly[-1] > _NEGLIGIBLE * max(exactly):
        exactly.append(exactly[-1] * load / len(exactly))
    # From the far end on: a difference from 1 would lose the small ones.
    more = [0.0]
    for probability in reversed(exactly[1:]):
        more.append(more[-1] + probability)
    return more[::-1]
