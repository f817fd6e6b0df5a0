"""What a real OpenID provider issues lets its users call, and nothing else does."""

import base64
import json
import uuid
from typing import Any

import pytest

from local.clients.phone import Phone
from local.launcher.local_aws import LocalAws
from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Aws
from tests.e2e.external_issuer.provider_client import ProviderClient

pytestmark = pytest.mark.slow


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


@pytest.fixture
def phone(aws: Aws) -> Phone:
    return Phone(aws.outputs)


@pytest.fixture
def user() -> str:
    """Somebody whom the provider knows at once."""
    return f"user-{uuid.uuid4()}"


def test_a_user_of_the_provider_reaches_the_verified_queue(
    provider: ProviderClient, phone: Phone, aws: Aws, user: str
) -> None:
    token = provider.sign_in(user)["access_token"]
    assert claims_of(token)["iss"] == provider.metadata["issuer"] == aws.outputs["Issuer"]
    call_id = assert_call(phone.start_call(f"Bearer {token}", {"DisplayName": "Ada"}))["ContactId"]
    aws.join(call_id)
    contact = aws.contact(call_id)
    assert contact["Queue"]["Arn"] == aws.queue("Verified")
    assert contact["Attributes"]["customer_id"] == user
    assert phone.hang_up(token, call_id).status_code == 204


def test_two_users_of_the_provider_are_two_callers(provider: ProviderClient, phone: Phone, user: str) -> None:
    mine, theirs = (provider.sign_in(each)["access_token"] for each in (user, f"{user}-2"))
    call_id = assert_call(phone.start_call(mine))["ContactId"]
    assert_problem(phone.read_call(theirs, call_id), 404, "not-found")
    assert phone.hang_up(mine, call_id).status_code == 204


def test_tokens_for_anything_else_are_refused(provider: ProviderClient, phone: Phone, user: str) -> None:
    good = provider.sign_in(user)
    refused = {
        "the ID token": good["id_token"],
        "for another API": provider.sign_in(user, audience="https://other.example")["access_token"],
        "without the scope": provider.sign_in(user, scope="other")["access_token"],
        "a tampered signature": good["access_token"][:-12] + "AAAAAAAAAAAA",
    }
    for why, token in refused.items():
        response = phone.start_call(token)
        assert response.status_code in {401, 403}, f"{why}: {response.status_code} {response.text}"
    assert_problem(phone.start_call(refused["the ID token"]), 401, "unauthorized")


def test_the_deployment_names_the_issuer_of_its_configuration(running: LocalAws) -> None:
    functions = running.client("lambda").list_functions()["Functions"]
    [deployed] = [
        each["Environment"]["Variables"]
        for each in functions
        if "JWKS_URL" in each.get("Environment", {}).get("Variables", {})
    ]
    assert deployed["ISSUER"] == "https://login.in-app-calling.test/"
    assert running.outputs["Issuer"].startswith("http://127.0.0.1:")
