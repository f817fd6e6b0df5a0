"""What the page may have done in the local AWS: the run's token and credentials stay on this side."""

import re
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import requests
from botocore.exceptions import BotoCoreError, ClientError

from local.clients.identities import SignInError
from local.clients.observer import Observer
from local.clients.phone import Phone
from local.launcher.local_aws import LocalAws

_ANSWERS_WITHIN = 10.0  # seconds
_CONTACT = r"(?P<contact_id>[0-9a-f-]{36})"
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}", re.ASCII)


class RefusedError(Exception):
    """What cannot be done: the HTTP status and why."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


Document = Mapping[str, Any]


class Actions:
    """Everything that the page's server does for it, in a local AWS with the app deployed and media."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws
        self._phone = Phone(aws.outputs)
        self._observer = Observer(aws.endpoint_url, aws.access)
        self._passwords: dict[str, str] = {}
        self._lock = threading.Lock()
        passed_on = {
            "behaviours": ("GET", "POST"),
            "clock": ("POST",),
            "contacts": ("GET",),
            "faults": ("POST", "DELETE"),
        }
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Any]]] = [
            ("GET", re.compile("run"), self._run),
            ("POST", re.compile("users"), self._sign_in),
            ("POST", re.compile("stranger"), self._start_forged_contact),
            ("POST", re.compile("network"), self._cut_network),
            ("POST", re.compile(f"contacts/{_CONTACT}/place"), self._place),
            ("POST", re.compile(f"contacts/{_CONTACT}/events"), self._event),
            *(
                (method, re.compile(name), self._control(method, name))
                for name, methods in passed_on.items()
                for method in methods
            ),
        ]

    def perform(self, method: str, path: str, document: Document) -> Any:
        """Do what `method` and `path` say; returns what is answered, or raises RefusedError."""
        for its_method, pattern, action in self._routes:
            found = pattern.fullmatch(path)
            if found and method == its_method:
                try:
                    return action(document, **found.groupdict())
                # The refusals of the emulator and of AWS's services.
                except (RuntimeError, ClientError) as error:
                    raise RefusedError(HTTPStatus.CONFLICT, str(error)) from None
                except (requests.RequestException, BotoCoreError):
                    message = "the local AWS does not answer"
                    raise RefusedError(HTTPStatus.BAD_GATEWAY, message) from None
        raise RefusedError(HTTPStatus.NOT_FOUND, f"there is no {method} of that")

    def _run(self, _document: Document) -> Any:
        return {
            "ApiUrl": self._aws.outputs["ApiUrl"],
            "Environment": self._aws.environment,
            "SignIn": self._phone.identity.ways,
        }

    def _sign_in(self, document: Document) -> Any:
        email = document.get("Email")
        if not isinstance(email, str) or not _EMAIL.fullmatch(email):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "Email is no email address")
        with self._lock:
            try:
                if email not in self._passwords:
                    self._passwords[email] = self._phone.sign_up(email)
                user = self._phone.sign_in(email, self._passwords[email])
            except SignInError as error:
                raise RefusedError(HTTPStatus.CONFLICT, str(error)) from None
        return {"Email": email, "UserId": user.user_id, "Token": user.token}

    def _start_forged_contact(self, document: Document) -> Any:
        """Somebody starts a contact past the backend, and says to be a user who has signed in."""
        outputs = self._aws.outputs
        started = self._aws.client("connect").start_web_rtc_contact(
            InstanceId=outputs["ConnectInstanceArn"].rpartition("/")[2],
            ContactFlowId=outputs["ContactFlowArn"].rpartition("/")[2],
            ParticipantDetails={"DisplayName": "Ada"},
            Attributes={
                "customer_id": str(document.get("UserId") or "ada"),
                "auth_status": "verified",
                "auth_token": "an-invented-one",
            },
        )
        self._observer.join(started["ContactId"])
        return {"ContactId": started["ContactId"]}

    def _cut_network(self, document: Document) -> Any:
        response = requests.post(
            f"http://127.0.0.1:{self._aws.media_port}/network",
            json=dict(document),
            headers=self._aws.access.control_headers,
            timeout=_ANSWERS_WITHIN,
        )
        if not response.ok:
            raise RefusedError(HTTPStatus.CONFLICT, "nobody of that id is in a meeting")
        return {}

    def _place(self, _document: Document, contact_id: str) -> Any:
        return self._observer.place(contact_id)

    def _event(self, document: Document, contact_id: str) -> Any:
        return self._observer.happen(contact_id, str(document.get("Event")))

    def _control(self, method: str, name: str) -> Callable[[Document], Any]:
        def pass_on(document: Document) -> Any:
            return self._observer.request(method, name, None if method == "GET" else document)

        return pass_on
