"""A call placed after a deployment, in stages: which one fails says what is broken. Nothing is left."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import boto3
import requests
from botocore.exceptions import BotoCoreError, ClientError
from pycognito import AWSSRP

from operations.session import explain

USER_PREFIX = "smoke-"
# Reserved for examples (RFC 2606): no mail goes anywhere.
_USER_DOMAIN = "example.com"
_ANSWER_WITHIN = 35.0  # seconds; API Gateway waits for a function for 29
_EVENTUALLY = 15.0  # seconds; Amazon Connect reads are eventually consistent
_LEFT_OVER_AFTER = timedelta(hours=1)

Send = Callable[..., requests.Response]
"""`requests.request`."""


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
    """What the stages share. `wait` is how long what is eventually so is waited for, in seconds."""

    session: boto3.Session
    api_url: str
    instance_arn: str
    pool_id: str
    client_id: str
    topic: str | None = None
    send: Send = requests.request
    wait: float = _EVENTUALLY
    contact_id: str | None = None
    _user: str | None = None
    _token: str = field(default="", repr=False)
    _key: str = field(default_factory=lambda: secrets.token_hex(16))

    def stages(self) -> Iterable[tuple[str, Callable[[], None]]]:
        """In order; each needs those before it."""
        return (
            ("refused", self.refused),
            ("sign-in", self.sign_in),
            ("availability", self.availability),
            ("start", self.start),
            ("replay", self.replay),
            ("contact", self.contact),
            ("hang-up", self.hang_up),
        )

    def run(self) -> list[Stage]:
        """Every stage up to the first that fails, and then `cleanup`, whatever happened."""
        done: list[Stage] = []
        for name, stage in self.stages():
            done.append(timed(name, stage))
            if done[-1].failure:
                break
        return [*done, timed("cleanup", self.clean_up)]

    def refused(self) -> None:
        """Who shows no token is not let in."""
        answer = self._call("POST", "start-call", token="")
        _want(answer, 401)

    def sign_in(self) -> None:
        """A user who did not exist signs in with the app's own client; nobody keeps the password."""
        self.remove_left_over_users()
        name = f"{USER_PREFIX}{secrets.token_hex(8)}@{_USER_DOMAIN}"
        password = f"{secrets.token_urlsafe(24)}aA1!"
        client: Any = self.session.client("cognito-idp")
        client.admin_create_user(
            UserPoolId=self.pool_id,
            Username=name,
            MessageAction="SUPPRESS",
            UserAttributes=[
                {"Name": "email", "Value": name},
                {"Name": "email_verified", "Value": "true"},
            ],
        )
        self._user = name
        client.admin_set_user_password(
            UserPoolId=self.pool_id, Username=name, Password=password, Permanent=True
        )
        given = AWSSRP(
            username=name, password=password, pool_id=self.pool_id, client_id=self.client_id, client=client
        ).authenticate_user()
        if "AuthenticationResult" not in given:
            raise StageFailedError(f"Amazon Cognito asks for more: {given.get('ChallengeName')}")
        self._token = given["AuthenticationResult"]["IdToken"]

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

    def replay(self) -> None:
        """The same request again is answered with the same call."""
        answer = self._start()
        _want(answer, 200)
        if _json(answer).get("ContactId") != self.contact_id:
            raise StageFailedError("the same key was answered with another ContactId")

    def contact(self) -> None:
        """Amazon Connect has the contact, in the configured instance."""
        client: Any = self.session.client("connect")
        instance = self.instance_arn.rpartition("/")[2]

        def found() -> bool:
            try:
                client.describe_contact(InstanceId=instance, ContactId=self.contact_id)
            except client.exceptions.ResourceNotFoundException:
                return False
            return True

        if not self._eventually(found):
            raise StageFailedError("Amazon Connect has no such contact")

    def hang_up(self) -> None:
        """Hanging up ends the call, and the app reads so."""
        _want(self._call("DELETE", f"calls/{quote(str(self.contact_id), safe='')}"), 204)
        if not self._eventually(lambda: self._state() == "ENDED"):
            raise StageFailedError(f"the call is {self._state()} after it was hung up")
        self.contact_id = None

    def clean_up(self) -> None:
        """No call goes on, and no user is left."""
        try:
            if self.contact_id is not None and self._token:
                answer = self._call("DELETE", f"calls/{quote(self.contact_id, safe='')}")
                if answer.status_code not in {204, 404}:
                    raise StageFailedError(f"the contact {self.contact_id} may go on: {answer.status_code}")
        finally:
            self._token = ""
            if self._user is not None:
                client: Any = self.session.client("cognito-idp")
                client.admin_delete_user(UserPoolId=self.pool_id, Username=self._user)
                self._user = None

    def remove_left_over_users(self) -> None:
        """Those of runs that were killed, an hour ago or more."""
        client: Any = self.session.client("cognito-idp")
        pages = client.get_paginator("list_users").paginate(
            UserPoolId=self.pool_id, Filter=f'email ^= "{USER_PREFIX}"', AttributesToGet=["email"]
        )
        before = datetime.now(UTC) - _LEFT_OVER_AFTER
        for user in [user for page in pages for user in page["Users"]]:
            email = next((each["Value"] for each in user["Attributes"] if each["Name"] == "email"), "")
            if user["UserCreateDate"] < before and email.endswith(f"@{_USER_DOMAIN}"):
                client.admin_delete_user(UserPoolId=self.pool_id, Username=user["Username"])

    def _start(self) -> requests.Response:
        body = {} if self.topic is None else {"Topic": self.topic}
        return self._call("POST", "start-call", body=body, headers={"Idempotency-Key": self._key})

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
