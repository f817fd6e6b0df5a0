import pytest
from hypothesis import given
from hypothesis import strategies as st

from start_call.caller import Caller, read_caller
from start_call.request import is_display_name

MAPPED = {"email": "customer_email", "custom:tier": "customer_tier"}
CLAIMS = {
    "sub": "user-1",
    "auth_time": "1790000000",
    "email": "ada@example.com",
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
            "customer_email": "ada@example.com",
            "customer_tier": "gold",
        },
    )


def test_an_absent_claim_is_an_empty_attribute() -> None:
    assert read_caller({"sub": "u"}, MAPPED, "name").context["customer_tier"] == ""


@pytest.mark.parametrize("auth_time", ["Tue Jun 04 03:23:31 UTC 2019", "-1", "1e9", "", "٣"])
def test_an_auth_time_that_is_not_epoch_seconds_is_left_out(auth_time: str) -> None:
    assert caller(auth_time=auth_time).context["auth_time"] == ""


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x00"])
def test_a_name_that_an_agent_could_not_read_is_replaced(name: str) -> None:
    assert caller(name=name).display_name == "Customer"


@given(name=st.text())
def test_the_display_name_is_always_one_that_connect_takes(name: str) -> None:
    assert is_display_name(caller(name=name).display_name)
