"""The issuer is down, slow or answers garbage: cached keys go on, without them it fails closed."""

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest

from local.clients.observer import eventually
from tests.e2e.answers import assert_problem
from tests.e2e.aws import Aws, Caller

pytestmark = pytest.mark.slow

_log = logging.getLogger(__name__)

OUTAGES: dict[str, dict[str, Any]] = {
    "down": {"Error": {"Code": "ServiceUnavailable", "Status": 503}},
    "slow": {"DelaySeconds": 10},
    "garbage": {"Malformed": True},
}
# Seconds, of which authorizer/download.py takes up to three; the rest is for a busy machine.
GIVES_UP_WITHIN = 10
RETRIES_AFTER = 10


@pytest.mark.parametrize("outage", OUTAGES)
def test_without_keys_the_answer_is_soon_503_with_retry_after(outage: str, aws: Aws, caller: Caller) -> None:
    with aws.started_anew("Authorizer"), aws.fault("issuer", "GetKeys", **OUTAGES[outage]):
        began = time.monotonic()
        response = caller.read("no-such-call")
        took = time.monotonic() - began
        assert_problem(response, 503, "unavailable")
        assert response.headers["Retry-After"] == "10"
        assert took < GIVES_UP_WITHIN
        began = time.monotonic()
        assert_problem(caller.read("no-such-call"), 503, "unavailable")
        again = time.monotonic() - began
    _log.info("issuer %s, no keys: 503 after %.2f s, the next after %.2f s", outage, took, again)


def test_callers_are_let_in_again_soon_after_the_issuer_is_back(aws: Aws, caller: Caller) -> None:
    with aws.started_anew("Authorizer"):
        with aws.fault("issuer", "GetKeys", **OUTAGES["down"]):
            assert_problem(caller.read("no-such-call"), 503, "unavailable")
        began = time.monotonic()
        assert eventually(lambda: caller.read("no-such-call").status_code == 404, seconds=RETRIES_AFTER + 5)
    _log.info("issuer back: a caller without keys is let in after %.2f s", time.monotonic() - began)


@pytest.mark.parametrize("outage", OUTAGES)
def test_with_keys_callers_go_on_though_these_are_no_longer_fresh(
    outage: str, aws: Aws, new_caller: Callable[..., Caller]
) -> None:
    with aws.started_anew("Authorizer", JWKS_FRESH_SECONDS="1"):
        assert_problem(new_caller().read("no-such-call"), 404, "not-found")
        _go_on(outage, aws, new_caller)


def _go_on(outage: str, aws: Aws, new_caller: Callable[..., Caller]) -> None:
    before = aws.issuer()["KeyRequests"]
    # Then the keys are no longer fresh, and the last try is long enough ago for another.
    time.sleep(RETRIES_AFTER)
    with aws.fault("issuer", "GetKeys", **OUTAGES[outage]):
        took = []
        for _ in range(3):
            caller = new_caller()
            began = time.monotonic()
            assert_problem(caller.read("no-such-call"), 404, "not-found")
            took.append(time.monotonic() - began)
        assert max(took) < GIVES_UP_WITHIN
    _log.info("issuer %s, keys known: accepted after %s s", outage, [round(each, 2) for each in took])
    assert aws.issuer()["KeyRequests"] <= before + 1
