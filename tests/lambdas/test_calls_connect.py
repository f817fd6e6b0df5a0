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
from runtime.telemetry import metrics

from calls.connect import ConnectInstance
from calls.errors import CallEnded, NotPossibleNow
from calls.interfaces import Participant
from tests.lambdas.conftest import INSTANCE_ARN
from tests.lambdas.fake_aws import Answer, shared_client
from tests.lambdas.fake_connect import EXPIRY, FakeConnect

INSTANCE_ID = INSTANCE_ARN.rpartition("/")[2]


@pytest.fixture
def connect() -> FakeConnect:
    return FakeConnect()


@pytest.fixture
def instance(connect: FakeConnect) -> ConnectInstance:
    return ConnectInstance(connect.attach(shared_client("connect")), INSTANCE_ARN)


@pytest.fixture
def contact_id(connect: FakeConnect, instance: ConnectInstance) -> str:
    """A contact that an agent has taken."""
    answer = instance.start(
        contact_flow_arn="flow", client_token="start", display_name="Ada", attributes={}, capabilities=[]
    )
    connect.answered.add(answer["ContactId"])
    return str(answer["ContactId"])


def counted() -> set[str]:
    names = set(metrics.metric_set)
    metrics.clear_metrics()
    return names


def test_the_region_of_the_instance_is_where_media_are(instance: ConnectInstance) -> None:
    assert instance.media_region == "eu-west-2"


def test_a_contact_is_stopped_in_its_instance(
    connect: FakeConnect, instance: ConnectInstance, contact_id: str
) -> None:
    instance.stop(contact_id)
    assert connect.requested("StopContact") == [{"InstanceId": INSTANCE_ID, "ContactId": contact_id}]


def test_stopping_a_contact_is_idempotent(
    connect: FakeConnect, instance: ConnectInstance, contact_id: str
) -> None:
    counted()
    instance.stop(contact_id)
    instance.stop(contact_id)  # 410
    connect.stop_faults = [(404, "ResourceNotFoundException", {})]
    instance.stop(contact_id)
    assert "ContactStopFailed" not in counted()


THROTTLED: list[tuple[Answer | Exception, type[ServiceError], int | None]] = [
    ((429, "ThrottlingException", {}), CapacityReached, 2),
    ((429, "TooManyRequestsException", {}), CapacityReached, 2),
    ((400, "LimitExceededException", {}), CapacityReached, 2),
]
FAILING: list[tuple[Answer | Exception, type[ServiceError], int | None]] = [
    ((500, "InternalServiceException", {"message": "SECRET"}), Unavailable, 5),
    ((503, None, {}), Unavailable, 5),
    (EndpointConnectionError(endpoint_url="x"), Unavailable, 5),
    (ReadTimeoutError(endpoint_url="x"), TimedOut, 5),
    ((403, "AccessDeniedException", {"message": "SECRET"}), ConfigurationFault, None),
    ((418, "UnheardOfException", {}), ConfigurationFault, None),
]


@pytest.mark.parametrize(
    ("fault", "expected", "retry_after"),
    [
        ((400, "InvalidRequestException", {"message": "SECRET"}), NotPossibleNow, 1),
        ((400, "InvalidParameterException", {}), NotPossibleNow, 1),
        ((400, "InvalidActiveRegionException", {}), NotPossibleNow, 1),
        *THROTTLED,
        *FAILING,
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_contact_that_is_not_stopped_raises_is_counted_and_quotes_nothing(
    connect: FakeConnect,
    instance: ConnectInstance,
    contact_id: str,
    written: Callable[[], str],
    fault: Answer | Exception,
    expected: type[ServiceError],
    retry_after: int | None,
) -> None:
    counted()
    connect.stop_faults = [fault, fault]  # botocore repeats some of them once
    with pytest.raises(expected) as raised:
        instance.stop(contact_id)
    assert raised.value.retry_after == retry_after
    assert "ContactStopFailed" in counted()
    assert "SECRET" not in str(raised.value) + written()
    assert connect.active == [contact_id]


def join(instance: ConnectInstance, contact_id: str, *capabilities: str) -> Participant:
    return instance.create_participant(
        contact_id, client_token="token", display_name="Ada", capabilities=capabilities
    )


def test_a_participant_is_a_customer_with_name_and_capabilities(
    connect: FakeConnect, instance: ConnectInstance, contact_id: str
) -> None:
    participant = join(instance, contact_id, "Video", "ScreenShare")
    assert connect.participants[participant.token].participant_id == participant.participant_id
    assert connect.requested("CreateParticipant") == [
        {
            "InstanceId": INSTANCE_ID,
            "ContactId": contact_id,
            "ClientToken": "token",
            "ParticipantDetails": {
                "ParticipantRole": "CUSTOMER",
                "DisplayName": "Ada",
                "ParticipantCapabilities": {"ScreenShare": "SEND", "Video": "SEND"},
            },
        }
    ]


def test_a_participant_with_audio_alone_has_no_capability(
    connect: FakeConnect, instance: ConnectInstance, contact_id: str
) -> None:
    join(instance, contact_id)
    (sent,) = connect.requested("CreateParticipant")
    assert sent["ParticipantDetails"] == {"ParticipantRole": "CUSTOMER", "DisplayName": "Ada"}


def test_the_same_client_token_gives_the_same_participant(instance: ConnectInstance, contact_id: str) -> None:
    assert join(instance, contact_id) == join(instance, contact_id)


@pytest.mark.parametrize(
    ("fault", "expected", "retry_after"),
    [
        ((404, "ResourceNotFoundException", {"message": "SECRET"}), CallEnded, None),
        ((400, "InvalidRequestException", {"message": "SECRET"}), NotPossibleNow, None),
        ((409, "ConflictException", {}), NotPossibleNow, 1),
        ((402, "ServiceQuotaExceededException", {}), CapacityReached, 2),
        *THROTTLED,
        *FAILING,
        ((200, None, {}), AnswerIncomplete, None),
        ((200, None, {"ParticipantId": "p"}), AnswerIncomplete, None),
        ((200, None, {"ParticipantId": "p", "ParticipantCredentials": {}}), AnswerIncomplete, None),
        ((200, None, {"ParticipantId": "p", "ParticipantCredentials": None}), AnswerIncomplete, None),
        ((200, None, {"ParticipantId": "p", "ParticipantCredentials": "text"}), AnswerIncomplete, None),
        (
            (200, None, {"ParticipantCredentials": {"ParticipantToken": "t", "Expiry": EXPIRY}}),
            AnswerIncomplete,
            None,
        ),
        ((200, None, {"garbage": True}), AnswerIncomplete, None),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_participant_who_is_not_let_in_gets_the_reason_and_nothing_is_quoted(
    connect: FakeConnect,
    instance: ConnectInstance,
    contact_id: str,
    written: Callable[[], str],
    fault: Any,
    expected: type[ServiceError],
    retry_after: int | None,
) -> None:
    connect.participant_faults = [fault, fault]
    with pytest.raises(expected) as raised:
        join(instance, contact_id)
    assert raised.value.retry_after == retry_after
    assert "SECRET" not in str(raised.value) + written()
