from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from runtime import aws
from runtime.errors import (
    AnswerIncomplete,
    CapacityReached,
    ConfigurationFault,
    ServiceError,
    TimedOut,
    Unavailable,
)

from calls.errors import NotPossibleNow, ParticipantGone
from calls.interfaces import Connection
from calls.participant_service import ParticipantService, _milliseconds
from tests.lambdas.events import START
from tests.lambdas.fake_connect import EXPIRY, FakeConnect, FakeParticipant, rejoin_of

TOKEN = "SECRET-PARTICIPANT-TOKEN"


@pytest.fixture
def connect() -> FakeConnect:
    """With one participant."""
    return FakeConnect(participants={TOKEN: FakeParticipant("contact-1", "participant-1")})


@pytest.fixture
def service(connect: FakeConnect) -> ParticipantService:
    return ParticipantService(connect.attach(aws.client("connectparticipant", signed=False)))


def test_a_connection_is_for_messages_and_says_until_when(
    connect: FakeConnect, service: ParticipantService
) -> None:
    assert service.connect(TOKEN) == Connection("SECRET-CONNECTION-TOKEN-1", START + 3_600_000)
    assert connect.requests == [
        ("CreateParticipantConnection", {"Type": ["CONNECTION_CREDENTIALS"], "X-Amz-Bearer": TOKEN})
    ]


def test_whoever_joins_gets_meeting_and_attendee(connect: FakeConnect, service: ParticipantService) -> None:
    assert service.join(TOKEN) == rejoin_of("participant-1")
    assert connect.requests == [
        ("CreateParticipantConnection", {"Type": ["WEBRTC_CONNECTION"], "X-Amz-Bearer": TOKEN})
    ]


def test_digits_are_sent_with_the_connection(connect: FakeConnect, service: ParticipantService) -> None:
    service.send_digits(service.connect(TOKEN).token, "12#", client_token="press")
    assert connect.digits == [("contact-1", "12#")]
    (sent,) = connect.requested("SendMessage")
    assert sent["X-Amz-Bearer"] == "SECRET-CONNECTION-TOKEN-1"


def test_digits_whose_answer_was_lost_are_repeated_as_the_same_message(
    connect: FakeConnect, service: ParticipantService
) -> None:
    connection = service.connect(TOKEN)
    connect.message_faults = [ReadTimeoutError(endpoint_url="x")]
    service.send_digits(connection.token, "1", client_token="press")
    first, repeated = connect.requested("SendMessage")
    assert first == repeated
    assert first["ClientToken"] == "press"


def test_requests_are_unsigned_so_that_no_role_is_needed(
    connect: FakeConnect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(aws._session, "_credentials", None)
    service = ParticipantService(connect.attach(aws.client("connectparticipant", signed=False)))
    service.send_digits(service.connect(TOKEN).token, "1", client_token="press")
    assert connect.digits


STEPS: dict[str, Callable[[ParticipantService], object]] = {
    "connect": lambda service: service.connect(TOKEN),
    "join": lambda service: service.join(TOKEN),
    "send_digits": lambda service: service.send_digits("SECRET-CONNECTION-TOKEN", "1", client_token="press"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("alive", [True, False])
def test_a_token_of_nobody_says_that_its_participant_is_gone_and_a_late_one_too(
    connect: FakeConnect, service: ParticipantService, step: str, alive: bool
) -> None:
    if alive:
        fault: Any = (403, "AccessDeniedException", {"message": "SECRET"})
        connect.connection_faults = [fault]
        connect.message_faults = [fault]
    else:
        connect.drop("contact-1")
    with pytest.raises(ParticipantGone):
        STEPS[step](service)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("fault", "expected", "retry_after"),
    [
        ((400, "ValidationException", {"message": "SECRET"}), NotPossibleNow, None),
        ((429, "ThrottlingException", {}), CapacityReached, 2),
        ((500, "InternalServerException", {"message": "SECRET"}), Unavailable, 5),
        ((503, None, {}), Unavailable, 5),
        ((418, "UnheardOfException", {"message": "SECRET"}), ConfigurationFault, None),
        (ReadTimeoutError(endpoint_url="x"), TimedOut, 5),
        (EndpointConnectionError(endpoint_url="x"), Unavailable, 5),
    ],
    ids=lambda value: str(value)[:50],
)
def test_each_failure_has_a_meaning_and_nothing_of_it_is_quoted(
    connect: FakeConnect,
    service: ParticipantService,
    written: Callable[[], str],
    step: str,
    fault: Any,
    expected: type[ServiceError],
    retry_after: int | None,
) -> None:
    connect.connection_faults = [fault, fault]
    connect.message_faults = [fault, fault]
    with pytest.raises(expected) as raised:
        STEPS[step](service)
    assert raised.value.retry_after == retry_after
    assert "SECRET" not in str(raised.value) + written()


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"garbage": True},
        {"ConnectionCredentials": None},
        {"ConnectionCredentials": {"Expiry": EXPIRY}},
        {"Websocket": {}},
    ],
    ids=str,
)
def test_a_connection_without_a_token_is_refused(
    connect: FakeConnect, service: ParticipantService, answer: dict[str, Any]
) -> None:
    connect.connection_faults = [(200, None, answer)]
    with pytest.raises(AnswerIncomplete):
        service.connect(TOKEN)


@pytest.mark.parametrize(
    "answer", [{}, {"garbage": True}, {"WebRTCConnection": None}, {"WebRTCConnection": {}}], ids=str
)
def test_an_empty_webrtc_connection_is_left_to_whoever_completes_it(
    connect: FakeConnect, service: ParticipantService, answer: dict[str, Any]
) -> None:
    connect.connection_faults = [(200, None, answer)]
    assert service.join(TOKEN) == {}


@pytest.mark.parametrize("expiry", [None, "", "soon", "9999-12-31T23:59:59.9-25:00"], ids=str)
def test_a_connection_without_a_known_end_is_usable_and_says_so(
    connect: FakeConnect, service: ParticipantService, expiry: str | None
) -> None:
    credentials = {"ConnectionToken": "token", "Expiry": expiry}
    connect.connection_faults = [(200, None, {"ConnectionCredentials": credentials})]
    assert service.connect(TOKEN) == Connection("token", 0)


@given(moment=st.datetimes(min_value=datetime(1971, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_expiry_is_read_in_milliseconds_however_precise_it_is(moment: datetime) -> None:
    assert _milliseconds(moment.isoformat()) == int(moment.timestamp() * 1000)
    assert _milliseconds(moment.isoformat().replace("+00:00", "Z")) == int(moment.timestamp() * 1000)


@given(expiry=st.none() | st.text() | st.integers() | st.datetimes().map(str))
def test_an_expiry_of_any_kind_is_a_number(expiry: object) -> None:
    assert isinstance(_milliseconds(expiry), int)
