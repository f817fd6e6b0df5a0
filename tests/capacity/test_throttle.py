"""What share of requests a token bucket refuses."""

import math
from itertools import pairwise

import pytest

from capacity.throttle import least_burst, refused_share


@pytest.mark.parametrize("load", [0.1, 0.9, 1.0, 4.0, 200.0])
def test_a_bucket_of_one_token_refuses_who_comes_before_it_is_filled(load: float) -> None:
    assert refused_share(load, rate=1, burst=1) == pytest.approx(load / (1 + load))


@pytest.mark.parametrize("load", [0.1, 0.9, 1.0, 4.0])
def test_a_bucket_of_two_tokens_refuses_what_its_two_states_say(load: float) -> None:
    assert refused_share(load, rate=1, burst=2) == pytest.approx(1 - 1 / (math.exp(-load) + load))


def test_only_the_ratio_of_arrivals_to_the_rate_counts() -> None:
    assert refused_share(300, rate=200, burst=7) == pytest.approx(refused_share(3, rate=2, burst=7))


def test_the_larger_the_bucket_the_fewer_are_refused_down_to_what_the_rate_leaves() -> None:
    for arrivals in (0.5, 1.0, 1.5):
        refused = [refused_share(arrivals, rate=1, burst=burst) for burst in (1, 2, 5, 20, 100)]
        assert all(more >= less for more, less in pairwise(refused))
        assert refused[-1] == pytest.approx(max(0, 1 - 1 / arrivals), abs=0.006)


@pytest.mark.parametrize(("arrivals", "expected"), [(0, 0), (400, 0), (600, 1 / 6), (50_000, 0.99)])
def test_the_largest_buckets_have_an_answer(arrivals: float, expected: float) -> None:
    assert refused_share(arrivals, rate=500, burst=5_000) == pytest.approx(expected, abs=1e-12)


def test_a_burst_less_would_refuse_too_many() -> None:
    burst = least_burst(8, rate=10, refused=0.001)
    assert refused_share(8, rate=10, burst=burst) <= 0.001 < refused_share(8, rate=10, burst=burst - 1)


def test_no_burst_makes_up_for_too_low_a_rate() -> None:
    with pytest.raises(ValueError, match="a rate of 2 a second for 2 arrivals: ask for a higher rate"):
        least_burst(2, rate=2, refused=0.001)
