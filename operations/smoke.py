"""A call placed after a deployment, in stages: which one fails says what is broken. Nothing is left."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit, urlunsplit

import boto3
import requests
from botocore.exceptions import BotoCoreError, ClientError

from operations.callers import Caller, SignInFailedError
from operations.doctor.check import Read
from operations.media.program import ProgramError
from operations.session import explain

_ANSWER_WITHIN = 35.0  # seconds; API Gateway waits for a function for 29
_EVENTUALLY = 15.0  # seconds; Amazon Connect reads are eventually consistent
_SILENCE = 0.002  # of the loudest possible

_POOLS = "arn:aws:cognito-idp:*:*:userpool/*"
_CONTACTS = "arn:aws:connect:*:*:instance/*/contact/*"

CALLS_OF_USER = (
    Read("cognito-idp:ListUsers", _POOLS),
    Read("cognito-idp:AdminCreateUser", _POOLS),
    Read("cognito-idp:AdminSetUserPassword", _POOLS),
    Read("cognito-idp:AdminDeleteUser", _POOLS),
)
"""What `NewUser` does in AWS with rights."""

CALLS = (
    Read("ssm:GetParameter", "arn:aws:ssm:*:*:parameter/in-app-calling/*"),
    Read("connect:DescribeContact", _CONTACTS),
    Read("connect:GetContactAttributes", _CONTACTS),
)
"""What every run does, whoever calls."""

POLICY = Path(__file__).parent / "smoke_policy.json"
"""Of a role for `make smoke`, beside the doctor's."""

Send = Callable[..., requests.Response]
"""`requests.request`."""


class Joins(Protocol):
    """`operations.media.customer.Customer`, or who stands in for it."""

    def join(self, connection_data: Mapping[str, Any]) -> str:
        """Joins; returns why not, empty where it joined."""
        ...

    def hear(self, above: float) -> float:
        """The loudest that was heard, 0 to 1."""
        ...

    def leave(self) -> None:
        """Leaves the call."""
        ...


class StageFailedError(Exception):
    """What a stage has seen in place of what it wanted; no token, password or name is in it."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """How a stage went; `failure` is empty where it passed."""

    name: str
    seconds: float
    failure: str = ""


@dataclass(kw_only=True)
class SmokeTest:
    """What the stages share. `wait` is how long what is eventually so is waited for, in seconds.

    With `open_customer`, which makes somebody with microphone and ears, the call is joined and heard. It is
    to wait in the queue `queue_id`, in any where that is None.

    Only the native transport's calls have the same id in Amazon Connect and in the app: without `is_native`
    the stages that ask Connect for the contact are left out.
    """

    session: boto3.Session
    api_url: str
    instance_arn: str
    caller: Caller
    topic: str | None = None
    open_customer: Callable[[], Joins] | None = None
    queue_id: str | None = None
    is_native: bool = True
    send: Send = requests.request
    wait: float = _EVENTUALLY
    contact_id: str | None = None
    _connection: Mapping[str, Any] = field(default_factory=dict, repr=False)
    _customer: Joins | None = None
    _token: str = field(default="", repr=False)
    _key: str = field(default_factory=lambda: secrets.token_hex(16))

    def stages(self) -> Iterable[tuple[str, Callable[[], None]]]:
        """In order; each needs those before it."""
        contact = (("contact", self.contact),) if self.is_native else ()
        in_flow = (("queue", self.queue), ("verified", self.verified)) if self.is_native else ()
        with_media = (("join", self.join), *in_flow, ("digits", self.digits), ("sound", self.sound))
        return (
            ("refused", self.refused),
            ("sign-in", self.sign_in),
            ("availability", self.availability),
            ("start", self.start),
            ("replay", self.replay),
            *contact,
            ("signalling", self.signalling),
            *(with_media if self.open_customer is not None else ()),
            ("hang-up", self.hang_up),
        )

    def run(self) -> list[Stage]:
        """Every stage up to the first that fails, and then `cleanup`, whatever happened."""
        done: list[Stage] = []
        try:
            for name, stage in self.stages():
                done.append(timed(name, stage))
                if done[-1].failure:
                    break
        finally:
            done.append(timed("cleanup", self.clean_up))
        return done

    def refused(self) -> None:
        """Who shows no token is not let in."""
        answer = self._call("POST", "start-call", token="")
        _want(answer, 401)

    def sign_in(self) -> None:
        """Somebody signs in as in the app."""
        try:
            self._token = self.caller.sign_in()
        except SignInFailedError as error:
            raise StageFailedError(str(error)) from None

    def availability(self) -> None:
        """The app reads whether somebody would answer."""
        query = "" if self.topic is None else f"?Topic={quote(self.topic, safe='')}"
        answer = self._call("GET", f"availability{query}")
        _want(answer, 200)
        if "AskAgainAfterSeconds" not in _json(answer):
            raise StageFailedError("200 without AskAgainAfterSeconds")

    def start(self) -> None:
        """A start is answered with a call, and with what an app joins it by."""
        answer = self._start()
        _want(answer, 201)
        body = _json(answer)
        self.contact_id = body.get("ContactId")
        if not self.contact_id or "ConnectionData" not in body:
            raise StageFailedError("201 without ContactId and ConnectionData")
        self._connection = body["ConnectionData"]

    def replay(self) -> None:
        """The same request again is answered with the same call."""
        answer = self._start()
        _want(answer, 200)
        if _json(answer).get("ContactId") != self.contact_id:
            raise StageFailedError("the same key was answered with another ContactId")

    def contact(self) -> None:
        """Amazon Connect has the contact, in the configured instance."""
        if not self._eventually(lambda: bool(self._contact())):
            raise StageFailedError("Amazon Connect has no such contact")

    def signalling(self) -> None:
        """Where an app would join, something answers by HTTP; the join token is not shown to it."""
        given = urlsplit(str(_within(self._connection, "Meeting", "MediaPlacement", "SignalingUrl")))
        if given.scheme not in {"ws", "wss"} or not given.netloc:
            raise StageFailedError("the start was answered without a SignalingUrl")
        url = urlunsplit((given.scheme.replace("ws", "http"), given.netloc, "/", "", ""))
        try:
            self.send("GET", url, headers={}, timeout=_ANSWER_WITHIN)
        except requests.RequestException as error:
            raise StageFailedError(f"{given.hostname} does not answer: {type(error).__name__}") from None

    def join(self) -> None:
        """The Amazon Chime SDK joins by the answer, and audio flows."""
        assert self.open_customer is not None  # noqa: S101  # or this is no stage
        try:
            self._customer = self.open_customer()
            failure = self._customer.join(self._connection)
        except ProgramError as error:
            raise StageFailedError(str(error)) from None
        if failure:
            raise StageFailedError(f"the SDK could not join: {failure}")

    def queue(self) -> None:
        """The contact flow has put the contact into its queue."""

        def queued() -> bool:
            found = str(_within(self._contact(), "QueueInfo", "Id") or "").rpartition("/")[2]
            return bool(found) and self.queue_id in {None, found}

        if not self._eventually(queued):
            raise StageFailedError("the contact flow has not put the contact into its queue")

    def verified(self) -> None:
        """The flow has had the proof of who calls."""
        client: Any = self.session.client("connect")
        instance, found = self.instance_arn.rpartition("/")[2], ""

        def marked() -> bool:
            nonlocal found
            attributes = client.get_contact_attributes(
                InstanceId=instance, InitialContactId=self.contact_id
            ).get("Attributes", {})
            found = str(attributes.get("auth_status", "not set"))
            return found == "verified"

        if not self._eventually(marked):
            raise StageFailedError(f"auth_status of the contact is {found!r} in place of 'verified'")

    def digits(self) -> None:
        """A key that the caller presses is taken."""
        path = f"calls/{quote(str(self.contact_id), safe='')}/digits"
        _want(self._call("POST", path, body={"Digits": "5"}), 204)

    def sound(self) -> None:
        """The caller hears something: what the queue plays, whatever it is."""
        assert self._customer is not None  # noqa: S101  # or `join` has failed
        try:
            level = self._customer.hear(_SILENCE)
        except ProgramError as error:
            raise StageFailedError(str(error)) from None
        if level <= _SILENCE:
            raise StageFailedError(f"silence: the loudest was {level:.4f} of 1")

    def hang_up(self) -> None:
        """Hanging up ends the call, and the app reads so."""
        _want(self._call("DELETE", f"calls/{quote(str(self.contact_id), safe='')}"), 204)
        if not self._eventually(lambda: self._state() == "ENDED"):
            raise StageFailedError(f"the call is {self._state()} after it was hung up")
        self.contact_id = None

    def clean_up(self) -> None:
        """No call goes on, and no user is left."""
        try:
            if self._customer is not None:
                self._customer.leave()
            if self.contact_id is not None and self._token:
                answer = self._call("DELETE", f"calls/{quote(self.contact_id, safe='')}")
                if answer.status_code not in {204, 404}:
                    raise StageFailedError(f"the contact {self.contact_id} may go on: {answer.status_code}")
        finally:
            self._token, self._customer = "", None
            self.caller.remove()

    def _start(self) -> requests.Response:
        body = {} if self.topic is None else {"Topic": self.topic}
        return self._call("POST", "start-call", body=body, headers={"Idempotency-Key": self._key})

    def _contact(self) -> Mapping[str, Any]:
        """As Amazon Connect describes it; empty where it has none yet."""
        client: Any = self.session.client("connect")
        instance = self.instance_arn.rpartition("/")[2]
        try:
            answer = client.describe_contact(InstanceId=instance, ContactId=self.contact_id)
        except client.exceptions.ResourceNotFoundException:
            return {}
        found: Mapping[str, Any] = answer["Contact"]
        return found

    def _state(self) -> object:
        return _json(self._call("GET", f"calls/{quote(str(self.contact_id), safe='')}")).get("State")

    def _call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        shown = self._token if token is None else token
        sent = {**(headers or {}), **({"Authorization": shown} if shown else {})}
        try:
            return self.send(
                method,
                f"{self.api_url.rstrip('/')}/{path}",
                json={} if body is None and method == "POST" else body,
                headers=sent,
                timeout=_ANSWER_WITHIN,
            )
        except requests.RequestException as error:
            # Its text may hold the request.
            raise StageFailedError(f"the API cannot be reached: {type(error).__name__}") from None

    def _eventually(self, holds: Callable[[], bool]) -> bool:
        until = time.monotonic() + self.wait
        while not holds():
            if time.monotonic() >= until:
                return False
            time.sleep(min(1.0, self.wait / 5))
        return True


def timed(name: str, stage: Callable[[], None]) -> Stage:
    """Runs a stage: how long it took, and what it or AWS said if it failed."""
    began, failure = time.monotonic(), ""
    try:
        stage()
    except StageFailedError as error:
        failure = str(error)
    except (BotoCoreError, ClientError) as error:
        failure = explain(error)
    return Stage(name=name, seconds=time.monotonic() - began, failure=failure)


def _within(value: Any, *names: str) -> Any:
    """A member of members; None where one is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _want(answer: requests.Response, status: int) -> None:
    if answer.status_code != status:
        problem = str(_json(answer).get("type", ""))
        raise StageFailedError(f"{answer.status_code} {problem} in place of {status}".replace("  ", " "))


def _json(answer: requests.Response) -> dict[str, Any]:
    try:
        body = json.loads(answer.content or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
