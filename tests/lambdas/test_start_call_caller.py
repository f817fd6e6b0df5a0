import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.errors import AuthenticationInsufficient
from start_call.caller import Authentication, Caller, read_caller
from start_call.display_name import is_display_name

MAPPED = {"email": "customer_email", "custom:tier": "customer_tier"}
CLAIMS = {
    "sub": "user-1",
    "auth_time": "1790000000",
    "email": "ada@example.com",
    "email_verified": "true",
    "custom:tier": "gold",
    "name": "Ada",
    "cognito:groups": "staff",
}


def caller(**claims: str) -> Caller:
    return read_caller(CLAIMS | claims, MAPPED, "name")


def test_trusted_attributes_come_from_the_mapped_claims_and_no_others() -> None:
    assert caller() == Caller(
        user_id="user-1",
        display_name="Ada",
        context={
            "customer_id": "user-1",
            "auth_time": "1790000000",
            "signed_in_at": "2026-09-21 14:13 UTC",
            "customer_email": "ada@example.com",
            "customer_tier": "gold",
        },
        auth_time=1790000000,
        amr=frozenset(),
    )


def test_an_absent_claim_is_an_empty_attribute() -> None:
    assert read_caller({"sub": "u"}, MAPPED, "name").context["customer_tier"] == ""


@pytest.mark.parametrize(
    "auth_time",
    [
        "Tue Jun 04 03:23:31 UTC 2019",
        "-1",
        "1e9",
        "",
        "٣",
        "9" * 13,
        pytest.param("9" * 5000, id="5,000 digits"),
    ],
)
def test_an_auth_time_that_is_not_epoch_seconds_is_left_out(auth_time: str) -> None:
    assert caller(auth_time=auth_time).context["auth_time"] == ""
    assert caller(auth_time=auth_time).context["signed_in_at"] == "unknown"
    assert caller(auth_time=auth_time).auth_time is None


@pytest.mark.parametrize("verified", ["false", "", "True", "1", "TRUE", None])
@pytest.mark.parametrize("claim", ["email", "phone_number"])
def test_an_address_that_nobody_verified_is_no_trusted_attribute(claim: str, verified: str | None) -> None:
    claims = {"sub": "u", claim: "value"} | ({} if verified is None else {f"{claim}_verified": verified})
    assert read_caller(claims, {claim: "attribute"}, "name").context["attribute"] == ""
    claims[f"{claim}_verified"] = "true"
    assert read_caller(claims, {claim: "attribute"}, "name").context["attribute"] == "value"


@pytest.mark.parametrize(
    ("amr", "methods"),
    [
        ("", set()),
        ("pwd", {"pwd"}),
        ("pwd,otp,mfa", {"pwd", "otp", "mfa"}),
        ("[pwd, mfa]", {"pwd", "mfa"}),
        (" , ,", set()),
    ],
)
def test_the_methods_of_signing_in_are_read_as_a_list(amr: str, methods: set[str]) -> None:
    assert caller(amr=amr).amr == methods


NOW = 1_790_000_300_000  # 300 s after the sign-in of CLAIMS


@pytest.mark.parametrize(
    ("required", "claims"),
    [
        (Authentication(), {"auth_time": ""}),
        (Authentication(max_age_seconds=300), {}),
        (Authentication(max_age_seconds=300), {"auth_time": "1790000360"}),
        (Authentication(amr=frozenset({"mfa", "hwk"})), {"amr": "pwd,hwk", "auth_time": ""}),
        (Authentication(max_age_seconds=300, amr=frozenset({"mfa"})), {"amr": "mfa"}),
    ],
)
def test_a_sign_in_that_is_recent_and_strong_enough_is_let_through(
    required: Authentication, claims: dict[str, str]
) -> None:
    required.check(caller(**claims), NOW)
    required.check(caller(**claims), NOW + 999)


@pytest.mark.parametrize(
    ("required", "claims"),
    [
        (Authentication(max_age_seconds=299), {}),
        (Authentication(max_age_seconds=300), {"auth_time": ""}),
        (Authentication(max_age_seconds=300), {"auth_time": "1790000361"}),
        (Authentication(max_age_seconds=300), {"auth_time": "999999999999"}),
        (Authentication(amr=frozenset({"mfa"})), {}),
        (Authentication(amr=frozenset({"mfa"})), {"amr": "pwd,mfax"}),
        (Authentication(amr=frozenset({"mfa"})), {"amr": "MFA"}),
        (Authentication(max_age_seconds=299, amr=frozenset({"mfa"})), {"amr": "mfa"}),
        (Authentication(max_age_seconds=300, amr=frozenset({"mfa"})), {"amr": "pwd"}),
    ],
)
def test_any_other_sign_in_has_to_be_repeated_as_the_answer_says(
    required: Authentication, claims: dict[str, str]
) -> None:
    with pytest.raises(AuthenticationInsufficient) as refused:
        required.check(caller(**claims), NOW)
    assert refused.value.max_age_seconds == required.max_age_seconds
    assert refused.value.amr == sorted(required.amr)


def test_a_time_of_any_year_with_four_digits_is_read() -> None:
    assert caller(auth_time="9" * 12).auth_time == int("9" * 12)


def test_a_token_without_a_name_gives_none() -> None:
    assert read_caller({"sub": "u"}, {}, "name").display_name == ""


@pytest.mark.parametrize(
    ("name", "read"),
    [("", ""), ("  ", ""), ("\u200b\u3164", ""), ("\u202eAda\u200b", "Ada"), ("a\nb", "a b")],
)
def test_a_tokens_name_is_read_without_what_an_agent_could_not_see(name: str, read: str) -> None:
    assert caller(name=name).display_name == read


@given(name=st.text())
def test_a_tokens_name_is_one_that_connect_takes_or_none(name: str) -> None:
    read = caller(name=name).display_name
    assert read == "" or is_display_name(read)


@pytest.mark.parametrize("verified", [None, "false"])
def test_a_federated_user_whose_address_nobody_can_verify_calls_without_it(verified: str | None) -> None:
    """Cognito lets no app client write `email_verified`, so it may be absent for good."""
    claims = {"sub": "u", "email": "ada@example.com", "cognito:username": "google_1"}
    claims |= {} if verified is None else {"email_verified": verified}
    federated = read_caller(claims, MAPPED, "name")
    assert (federated.user_id, federated.context["customer_email"]) == ("u", "")
