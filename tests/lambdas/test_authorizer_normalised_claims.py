from typing import Any

import pytest

from authorizer.normalised_claims import normalise

CLAIMS = {"sub": "user-1", "exp": 1_790_000_000}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        ("Zoë 🙂", "Zoë 🙂"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-1, "-1"),
        (1_790_000_000, "1790000000"),
        (10**30, "1" + "0" * 30),
        (1_790_000_000.0, "1790000000"),
        (1e3, "1000"),
        ([], ""),
        (["pwd"], "pwd"),
        (["pwd", "otp", "mfa"], "pwd,otp,mfa"),
    ],
)
def test_a_claim_is_handed_on_as_text(value: Any, text: str) -> None:
    assert normalise({**CLAIMS, "claim": value}, ["claim"])["claim"] == text


@pytest.mark.parametrize(
    "value",
    [
        None,
        0.5,
        float("inf"),
        float("nan"),
        {},
        {"a": "b"},
        [1],
        ["a", None],
        [["a"]],
        [True],
        "\ud800",
        ["\udfff"],
    ],
)
def test_what_is_no_text_is_left_out(value: Any) -> None:
    assert normalise({**CLAIMS, "claim": value}, ["claim"]) == {"sub": "user-1", "exp": "1790000000"}


def test_only_configured_claims_are_handed_on_and_those_that_every_function_needs() -> None:
    claims = {
        **CLAIMS,
        "iat": 1_789_999_000,
        "auth_time": 1_789_990_000,
        "amr": ["mfa", "hwk"],
        "iss": "https://login.example.com/",
        "aud": "https://calls.example.com",
        "email": "a@example.com",
        "email_verified": True,
        "phone_number": "+442079460000",
    }
    assert normalise(claims, ["email", "email_verified", "name"]) == {
        "sub": "user-1",
        "exp": "1790000000",
        "iat": "1789999000",
        "auth_time": "1789990000",
        "amr": "mfa,hwk",
        "email": "a@example.com",
        "email_verified": "true",
    }


def test_the_end_of_a_token_is_in_whole_seconds_and_never_later_than_it_is() -> None:
    assert normalise({**CLAIMS, "exp": 1_790_000_000.9}, [])["exp"] == "1790000000"


@pytest.mark.parametrize(
    ("amr", "read"),
    [
        (["pwd", "mfa"], "pwd,mfa"),
        (["pwd", "x,mfa"], "pwd"),
        (["[mfa", " mfa", "mfa]", "a mfa", "", "otp"], "otp"),
        (["x,mfa"], ""),
        ([], ""),
        ("mfa", "mfa"),
        ("x,mfa", ""),
        (["mfa", 7, None], "mfa"),
        ({"mfa": True}, None),
        (7, None),
    ],
    ids=str,
)
def test_no_method_of_signing_in_is_read_as_another(amr: Any, read: str | None) -> None:
    assert normalise({"exp": 1, "amr": amr}, ()).get("amr") == read


TEXTS = (
    "sub",
    "iat",
    "auth_time",
    "name",
    "email",
    "email_verified",
    "phone_number",
    "phone_number_verified",
)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", [["1790000000"], ["true"], ["a", "b"], [True], []], ids=str)
def test_a_list_is_never_taken_for_the_text_that_a_claim_is(name: str, value: Any) -> None:
    assert name not in normalise({"exp": 1, name: value}, [name])


def test_a_claim_that_may_be_a_list_is_joined() -> None:
    assert normalise({"exp": 1, "groups": ["a", "b"]}, ["groups"])["groups"] == "a,b"
