"""The smoke test: each fault is told by the name of its stage, and nothing is left of a run."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from operations import callers
from operations.callers import NewUser
from operations.media.program import ProgramError
from operations.smoke import SmokeTest, Stage
from tests.operations.fake_aws import Answer, AwsRefusal, FakeAws

ENDED = {"State": "ENDED"}
QUEUE = "22222222-2222-4222-8222-222222222222"
CONTACT = "11111111-1111-4111-8111-111111111111"
SIGNALLING = "signal.example.aws"
PLACE = {
    "Meeting": {"MediaPlacement": {"SignalingUrl": f"wss://{SIGNALLING}/control/1"}},
    "Attendee": {"JoinToken": "join-token"},
}
STARTED = {"ContactId": CONTACT, "ConnectionData": PLACE}

Api = Callable[[str, str, Mapping[str, str]], tuple[int, Mapping[str, Any]]]


class FakeApi:
    """The API: answers by method and path, and notes whether a call goes on."""

    def __init__(self, **changes: tuple[int, Mapping[str, Any]]) -> None:
        self.changes, self.active, self.starts, self.bodies = changes, False, 0, list[Any]()

    def send(self, method: str, url: str, *, headers: Mapping[str, str], **more: Any) -> requests.Response:
        if SIGNALLING in url:
            return self._signal(url, headers)
        status, body = self._answer(method, url, headers)
        self.bodies.append(more.get("json"))
        answer = requests.Response()
        answer.status_code, answer._content = status, json.dumps(body).encode()
        return answer

    def _signal(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        assert url == f"https://{SIGNALLING}/"
        assert not headers
        if "signalling" in self.changes:
            raise requests.ConnectTimeout
        answer = requests.Response()
        answer.status_code = 403  # without a token: it answers
        return answer

    def _answer(self, method: str, url: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        if "Authorization" not in headers:
            return self.changes.get("refused", (401, {}))
        if url.endswith("/start-call"):
            self.starts += 1
            if self.starts > 1:
                return self.changes.get("replay", (200, STARTED))
            self.active = "start" not in self.changes
            return self.changes.get("start", (201, STARTED))
        if url.endswith("/availability"):
            return self.changes.get("availability", (200, {"AskAgainAfterSeconds": 30}))
        if method == "DELETE":
            self.active = False
            return self.changes.get("hang_up", (204, {}))
        is_key = url.endswith("/digits")
        return self.changes.get("digits", (204, {})) if is_key else self.changes.get("state", (200, ENDED))


class FakeSrp:
    def __init__(self, **given: Any) -> None:
        assert given["password"]

    def authenticate_user(self) -> dict[str, Any]:
        return {"AuthenticationResult": {"IdToken": "token-1"}}


class Challenged(FakeSrp):
    def authenticate_user(self) -> dict[str, Any]:
        return {"ChallengeName": "SOFTWARE_TOKEN_MFA"}


def answers() -> dict[str, Answer]:
    return {
        "cognito-idp.ListUsers": {"Users": []},
        "cognito-idp.AdminCreateUser": {},
        "cognito-idp.AdminSetUserPassword": {},
        "cognito-idp.AdminDeleteUser": {},
        "connect.DescribeContact": {"Contact": {"Id": CONTACT, "QueueInfo": {"Id": QUEUE}}},
        "connect.GetContactAttributes": {"Attributes": {"auth_status": "verified"}},
    }


@pytest.fixture(autouse=True)
def signing_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "AWSSRP", FakeSrp)


class FakeCustomer:
    """Somebody with ears, until they leave."""

    def __init__(self, *, status: str = "", level: float = 0.1, error: str = "") -> None:
        self._status, self._level, self._error, self.has_left = status, level, error, False

    def join(self, connection_data: Mapping[str, Any]) -> str:
        assert connection_data == PLACE
        if self._error == "join":
            raise ProgramError("join: the program of Node's has ended")
        return self._status

    def hear(self, above: float) -> float:
        if self._error == "hear":
            raise ProgramError("hear: the program of Node's has ended")
        assert above > 0
        return self._level

    def leave(self) -> None:
        self.has_left = True


def run(
    api: FakeApi, customer: FakeCustomer | None = None, transport: str = "webrtc", /, **changes: Answer
) -> tuple[list[Stage], FakeAws]:
    aws = FakeAws({**answers(), **{name.replace("__", "."): each for name, each in changes.items()}})
    test = SmokeTest(
        session=aws.session,
        api_url="https://api.example/v1/",
        instance_arn="arn:aws:connect:eu-west-2:1:instance/1",
        caller=NewUser(session=aws.session, pool_id="eu-west-2_pool", client_id="client"),
        open_customer=(lambda: customer) if customer else None,
        queue_id=QUEUE if customer else None,
        is_native=transport == "webrtc",
        send=api.send,
        wait=0.01,
    )
    return test.run(), aws


def failed(stages: list[Stage]) -> list[str]:
    return [stage.name for stage in stages if stage.failure]


def test_a_deployment_that_works_passes_every_stage() -> None:
    api = FakeApi()
    stages, aws = run(api)
    assert [stage.name for stage in stages] == [
        "refused", "sign-in", "availability", "start", "replay", "contact", "signalling", "hang-up",
        "cleanup",
    ]  # fmt: skip
    assert failed(stages) == []
    assert not api.active
    assert [name for name, _ in aws.calls].count("cognito-idp.AdminDeleteUser") == 1


def test_connect_is_not_asked_for_a_call_that_has_another_id_there() -> None:
    stages, aws = run(FakeApi(), FakeCustomer(), "another")
    assert [stage.name for stage in stages] == [
        "refused", "sign-in", "availability", "start", "replay", "signalling", "join", "digits", "sound",
        "hang-up", "cleanup",
    ]  # fmt: skip
    assert failed(stages) == []
    assert not [name for name, _ in aws.calls if name.startswith("connect.")]


@pytest.mark.parametrize(
    ("stage", "changes"),
    [
        ("refused", {"refused": (200, {})}),
        ("availability", {"availability": (504, {})}),
        ("availability", {"availability": (200, {})}),
        ("start", {"start": (503, {"type": "urn:calling-stopped"})}),
        ("start", {"start": (201, {})}),
        ("replay", {"replay": (201, STARTED)}),
        ("replay", {"replay": (200, {"ContactId": "another"})}),
        ("signalling", {"signalling": (0, {})}),
        ("signalling", {"start": (201, {**STARTED, "ConnectionData": {}}), "replay": (200, STARTED)}),
        ("hang-up", {"state": (200, {"State": "QUEUED"})}),
    ],
)
def test_a_fault_of_the_api_is_told_by_its_stage(
    stage: str, changes: dict[str, tuple[int, Mapping[str, Any]]]
) -> None:
    api = FakeApi(**changes)
    stages, aws = run(api)
    assert failed(stages) == [stage]
    assert stages[-1].name == "cleanup"
    assert not api.active
    made = [name for name, _ in aws.calls]
    assert made.count("cognito-idp.AdminDeleteUser") == made.count("cognito-idp.AdminCreateUser")


def test_a_call_that_is_heard_passes_every_stage_of_the_flow() -> None:
    customer = FakeCustomer()
    stages, _ = run(FakeApi(), customer)
    assert [stage.name for stage in stages][6:] == [
        "signalling", "join", "queue", "verified", "digits", "sound", "hang-up", "cleanup",
    ]  # fmt: skip
    assert failed(stages) == []
    assert customer.has_left


@pytest.mark.parametrize(
    ("stage", "customer", "changes", "words"),
    [
        ("join", {"status": "AudioAuthenticationRejected"}, {}, "AudioAuthenticationRejected"),
        ("join", {"error": "join"}, {}, "has ended"),
        ("queue", {}, {"connect__DescribeContact": {"Contact": {"Id": CONTACT}}}, "queue"),
        (
            "queue",
            {},
            {"connect__DescribeContact": {"Contact": {"Id": CONTACT, "QueueInfo": {"Id": CONTACT}}}},
            "queue",
        ),
        (
            "verified",
            {},
            {"connect__GetContactAttributes": {"Attributes": {"auth_status": "unverified"}}},
            "'unverified'",
        ),
        ("verified", {}, {"connect__GetContactAttributes": {"Attributes": {}}}, "not set"),
        ("sound", {"level": 0.0}, {}, "silence"),
        ("sound", {"error": "hear"}, {}, "has ended"),
    ],
)
def test_a_fault_of_media_or_flow_is_told_by_its_stage(
    stage: str, customer: dict[str, Any], changes: dict[str, Answer], words: str
) -> None:
    api, somebody = FakeApi(), FakeCustomer(**customer)
    stages, _ = run(api, somebody, **changes)
    assert failed(stages) == [stage]
    assert words in stages[-2].failure
    assert not api.active
    assert somebody.has_left


def test_a_key_that_is_refused_is_told_by_its_stage() -> None:
    customer = FakeCustomer()
    stages, _ = run(FakeApi(digits=(409, {})), customer)
    assert failed(stages) == ["digits"]
    assert customer.has_left


def test_a_call_that_cannot_be_hung_up_is_named_for_the_operator() -> None:
    stages, _ = run(FakeApi(hang_up=(500, {})))
    assert failed(stages) == ["hang-up", "cleanup"]
    assert CONTACT in stages[-1].failure


def test_the_user_is_removed_though_the_api_is_gone_when_the_call_is_to_be_hung_up() -> None:
    api = FakeApi()
    answers = api.send

    def send(method: str, url: str, **more: Any) -> requests.Response:
        if method == "DELETE":
            raise requests.ConnectionError
        return answers(method, url, **more)

    api.send = send  # type: ignore[method-assign]
    stages, aws = run(api)
    assert failed(stages) == ["hang-up", "cleanup"]
    assert aws.calls[-1][0] == "cognito-idp.AdminDeleteUser"


def test_a_contact_that_connect_does_not_have_is_told() -> None:
    api = FakeApi()
    stages, _ = run(api, connect__DescribeContact=AwsRefusal("ResourceNotFoundException", status=404))
    assert failed(stages) == ["contact"]
    assert not api.active


def test_a_user_who_cannot_sign_in_is_told_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "AWSSRP", Challenged)
    stages, aws = run(FakeApi())
    assert failed(stages) == ["sign-in"]
    assert "SOFTWARE_TOKEN_MFA" in stages[-2].failure
    assert aws.calls[-1][0] == "cognito-idp.AdminDeleteUser"


def test_an_operator_without_the_right_is_told_which() -> None:
    denied = AwsRefusal("AccessDeniedException", "not authorized to perform: cognito-idp:AdminCreateUser")
    stages, _ = run(FakeApi(), None, **{"cognito-idp__AdminCreateUser": denied})
    assert failed(stages) == ["sign-in"]
    assert "cognito-idp:AdminCreateUser" in stages[-2].failure


def test_an_api_that_cannot_be_reached_is_told_without_the_request() -> None:
    def send(*_: Any, **__: Any) -> requests.Response:
        raise requests.ConnectionError("https://api.example/ token-1")

    api = FakeApi()
    api.send = send  # type: ignore[method-assign]
    stages, _ = run(api)
    assert stages[0].failure == "the API cannot be reached: ConnectionError"


def test_users_of_runs_that_were_killed_are_removed() -> None:
    old = {
        "Username": "old",
        "UserCreateDate": datetime(2026, 1, 1, tzinfo=UTC),
        "Attributes": [{"Name": "email", "Value": "smoke-1@example.com"}],
    }
    theirs = {**old, "Username": "theirs", "Attributes": [{"Name": "email", "Value": "smoke-1@acme.test"}]}
    young = {**old, "Username": "young", "UserCreateDate": datetime.now(UTC)}
    _, aws = run(FakeApi(), None, **{"cognito-idp__ListUsers": {"Users": [old, theirs, young]}})
    removed = [given["Username"] for name, given in aws.calls if name == "cognito-idp.AdminDeleteUser"]
    assert removed[0] == "old"
    assert len(removed) == 2  # and its own
    assert not {"theirs", "young"} & set(removed)
