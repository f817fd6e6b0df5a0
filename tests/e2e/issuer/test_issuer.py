"""Whose token is another issuer's: keys that rotate, sign-ins that are not enough, answers that are kept."""

import base64
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from local.clients.observer import eventually
from local.clients.phone import Phone
from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Aws, Caller

pytestmark = pytest.mark.slow

CACHED_SECONDS = 60  # identity.issuer.cache_seconds of config/local-issuer.toml
LEEWAY_SECONDS = 30
UNKNOWN_KEY_SECONDS = 30  # after a request for keys, until an unknown key is a reason for another


def with_key_id(token: str, key_id: str) -> str:
    """The token, said to be signed by another key."""
    header, _, rest = token.partition(".")
    members = json.loads(base64.urlsafe_b64decode(header + "==")) | {"kid": key_id}
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode() + "." + rest


def test_two_callers_in_turn_are_never_taken_for_each_other(
    aws: Aws, caller: Caller, another_caller: Caller
) -> None:
    """Though the gateway keeps what the authorizer said of each."""
    for _ in range(3):
        for each in (caller, another_caller):
            contact_id = assert_call(each.start())["ContactId"]
            assert aws.contact(contact_id)["Attributes"]["customer_id"] == each.user.user_id
            other = another_caller if each is caller else caller
            assert_problem(other.read(contact_id), 404, "not-found")
            assert each.hang_up(contact_id).status_code == 204


def test_the_authorizer_runs_once_for_many_requests_with_one_token(aws: Aws, caller: Caller) -> None:
    before = aws.invocations("Authorizer")
    for _ in range(5):
        assert_problem(caller.read("no-such-call"), 404, "not-found")
    assert aws.invocations("Authorizer") == before + 1


def test_a_token_ends_though_the_gateway_has_kept_that_it_was_good(
    aws: Aws, phone: Phone, caller: Caller
) -> None:
    expires = int(time.time()) - LEEWAY_SECONDS + 4
    user = phone.sign_in(caller.user.email, caller.password, exp=expires)
    before = aws.invocations("Authorizer")
    assert_problem(phone.read_call(user.token, "no-such-call"), 404, "not-found")
    time.sleep(max(0, expires + LEEWAY_SECONDS - time.time()) + 1)
    assert_problem(phone.read_call(user.token, "no-such-call"), 401, "unauthorized")
    assert aws.invocations("Authorizer") == before + 1


def test_a_topic_wants_a_recent_sign_in_with_a_second_factor(phone: Phone, caller: Caller) -> None:
    def start(**sign_in: Any) -> requests.Response:
        user = phone.sign_in(caller.user.email, caller.password, **sign_in)
        return phone.start_call(user.token, {"Topic": "billing"})

    for weak in ({"amr": ["pwd"]}, {"amr": ["pwd", "mfa"], "signed_in_seconds_ago": 3600}):
        problem = assert_problem(start(**weak), 403, "insufficient-user-authentication")
        assert (problem["MaxAge"], problem["Amr"]) == (300, ["hwk", "mfa"])
    assert_call(start(amr=["pwd", "mfa"], signed_in_seconds_ago=60))


def test_random_key_ids_do_not_make_anybody_hammer_the_issuer(aws: Aws, caller: Caller) -> None:
    assert_problem(caller.read("no-such-call"), 404, "not-found")
    before, began = aws.issuer()["KeyRequests"], time.monotonic()
    refused = 0
    for _ in range(40):
        token = with_key_id(caller.user.token, secrets.token_urlsafe(8))
        response = caller.send({"Authorization": token}, b"{}")
        if response.status_code == 401:
            # The issuer was asked for this one, and does not have it.
            assert_problem(response, 401, "unauthorized")
            refused += 1
        else:
            # Whether the issuer has it is not known, since it is not asked again so soon.
            assert_problem(response, 503, "unavailable")
            assert int(response.headers["Retry-After"]) > 0
    # Requests one after the other need one execution environment of the authorizer: it asks once in 30 s, and
    # once more after it asked because its keys were old.
    requests_made = aws.issuer()["KeyRequests"] - before
    assert requests_made <= 2 + (time.monotonic() - began) // UNKNOWN_KEY_SECONDS
    assert refused <= requests_made


def test_keys_rotate_during_a_call(aws: Aws, phone: Phone, new_caller: Callable[..., Caller]) -> None:
    caller = new_caller()
    contact_id = assert_call(caller.start())["ContactId"]
    aws.rotate_keys(retire=False)

    def signed_with_the_new_key() -> bool:
        # A new token each time: the gateway keeps that one was refused.
        user = phone.sign_in(caller.user.email, caller.password)
        return phone.read_call(user.token, contact_id).status_code == 200

    # At once, unless somebody's unknown key was looked for within the last 30 s.
    assert eventually(signed_with_the_new_key, seconds=35)
    assert caller.read(contact_id).status_code == 200
    assert caller.hang_up(contact_id).status_code == 204
