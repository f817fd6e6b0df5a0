from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from runtime.errors import (
    AnswerIncomplete,
    CapacityReached,
    ConfigurationFault,
    ServiceError,
    TimedOut,
    Unavailable,
)

from calls.errors import CallEnded, StartRefused
from sip_bridge.meetings import PHONE, Meetings
from sip_bridge.phone_calls import PhoneCalls
from tests.lambdas.fake_aws import Answer, shared_client
from tests.lambdas.fake_connect import FakeConnect
from tests.lambdas.sip_bridge.fake_chime import APPLICATION_ID, FakeChime

KEY = "0f" * 32


@pytest.fixture
def chime() -> FakeChime:
    return FakeChime(FakeConnect())


@pytest.fixture
def phone_calls(chime: FakeChime) -> PhoneCalls:
    client = chime.attach(shared_client("chime-sdk-voice", repeats=False))
    return PhoneCalls(client, APPLICATION_ID)


def dial(phone_calls: PhoneCalls, chime: FakeChime) -> str:
    meetings = Meetings(chime.attach(shared_client("chime-sdk-meetings")))
    meetings.create(client_token="token", media_region="eu-west-2", external_meeting_id="app")
    (meeting,) = chime.meetings.values()
    return phone_calls.dial(
        caller_number="+12065550100",
        meeting_id=meeting.meeting_id,
        join_token=meeting.attendee(PHONE)["JoinToken"],
        arguments={"Code": "012345678901"},
    )


def test_a_phone_call_goes_on_until_it_is_hung_up_which_is_idempotent(
    phone_calls: PhoneCalls, chime: FakeChime
) -> None:
    transaction_id = dial(phone_calls, chime)
    assert chime.live_phone_calls == [transaction_id]
    for _ in range(2):
        phone_calls.hang_up(transaction_id)
    assert not chime.live_phone_calls


def test_digits_are_sent_with_their_key_while_the_phone_call_goes_on(
    phone_calls: PhoneCalls, chime: FakeChime
) -> None:
    transaction_id = dial(phone_calls, chime)
    phone_calls.send_digits(transaction_id, "4,2#", client_token=KEY)
    assert chime.digits == [(transaction_id, "4,2#", KEY)]
    phone_calls.hang_up(transaction_id)
    with pytest.raises(CallEnded):
        phone_calls.send_digits(transaction_id, "1", client_token=KEY)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"SipMediaApplicationCall": {}},
        {"SipMediaApplicationCall": {"TransactionId": ""}},
        {"garbage": True},
    ],
    ids=str,
)
def test_a_phone_call_without_an_id_is_none(
    phone_calls: PhoneCalls, chime: FakeChime, answer: dict[str, Any]
) -> None:
    chime.faults["CreateSipMediaApplicationCall"] = [(201, None, answer)]
    with pytest.raises(AnswerIncomplete):
        dial(phone_calls, chime)


ACTIONS: dict[str, Callable[[PhoneCalls, FakeChime], object]] = {
    "CreateSipMediaApplicationCall": dial,
    "UpdateSipMediaApplicationCall": lambda phone_calls, _: phone_calls.hang_up("transaction"),
}
FAULTS: list[tuple[Answer | Exception, type[ServiceError]]] = [
    ((429, "ThrottledClientException", {"Message": "SECRET"}), CapacityReached),
    ((400, "ThrottledClientException", {}), CapacityReached),
    ((400, "ResourceLimitExceededException", {}), CapacityReached),
    ((500, "ServiceFailureException", {}), Unavailable),
    ((503, "ServiceUnavailableException", {}), Unavailable),
    ((400, "BadRequestException", {"Message": "SECRET"}), ConfigurationFault),
    ((401, "UnauthorizedClientException", {}), ConfigurationFault),
    ((403, "ForbiddenException", {}), ConfigurationFault),
    ((403, "AccessDeniedException", {}), ConfigurationFault),
    (ReadTimeoutError(endpoint_url="x"), TimedOut),
    (EndpointConnectionError(endpoint_url="x"), Unavailable),
]


@pytest.mark.parametrize("operation", ACTIONS)
@pytest.mark.parametrize(("fault", "expected"), FAULTS, ids=lambda value: str(value)[:40])
def test_each_failure_has_a_meaning_and_says_nothing_of_its_text(
    phone_calls: PhoneCalls,
    chime: FakeChime,
    written: Callable[[], str],
    operation: str,
    fault: Answer | Exception,
    expected: type[ServiceError],
) -> None:
    chime.faults[operation] = [fault]
    is_refused_start = expected is ConfigurationFault and operation == "CreateSipMediaApplicationCall"
    with pytest.raises(StartRefused if is_refused_start else expected) as raised:
        ACTIONS[operation](phone_calls, chime)
    assert "SECRET" not in str(raised.value) + written()
    assert len(chime.requested(operation)) == 1
