"""Who places a call that only tests: a user made for it, a user kept for it, or an issuer's client."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import boto3
import requests
from botocore import UNSIGNED
from botocore.config import Config
from pycognito import AWSSRP

from operations.errors import OperationError

USER_PREFIX = "smoke-"
# Reserved for examples (RFC 2606): no mail goes anywhere.
USER_DOMAIN = "example.com"
_LEFT_OVER_AFTER = timedelta(hours=1)
_TOKEN_WITHIN = 10.0  # seconds


class SignInFailedError(Exception):
    """Why there is no token; no password or secret is in it."""


class Caller(Protocol):
    """Somebody who can sign in."""

    def sign_in(self) -> str:
        """What the API takes. Raises SignInFailedError and what botocore raises."""
        ...

    def remove(self) -> None:
        """Leaves nothing that was made for this call. Raises what botocore raises."""
        ...


@dataclass(kw_only=True)
class NewUser:
    """A user of the pool who did not exist; nobody keeps the password."""

    session: boto3.Session
    pool_id: str
    client_id: str
    _name: str | None = None

    def sign_in(self) -> str:
        """Makes the user, who signs in with the app's own client."""
        client: Any = self.session.client("cognito-idp")
        _remove_left_over_users(client, self.pool_id)
        self._name = f"{USER_PREFIX}{secrets.token_hex(8)}@{USER_DOMAIN}"
        password = new_password()
        create_user(client, self.pool_id, self._name, password)
        return _sign_in_by_password(client, self.pool_id, self.client_id, self._name, password)

    def remove(self) -> None:
        """Removes the user, if there is one."""
        if self._name is not None:
            client: Any = self.session.client("cognito-idp")
            client.admin_delete_user(UserPoolId=self.pool_id, Username=self._name)
            self._name = None


@dataclass(frozen=True, kw_only=True)
class StoredUser:
    """A user who is kept for this. Signing in takes no right of AWS."""

    session: boto3.Session
    pool_id: str
    client_id: str
    name: str
    password: str = field(repr=False)

    def sign_in(self) -> str:
        """By SRP with the app's own client, unsigned, as an app does."""
        client: Any = self.session.client("cognito-idp", config=Config(signature_version=UNSIGNED))
        return _sign_in_by_password(client, self.pool_id, self.client_id, self.name, self.password)

    def remove(self) -> None:
        """The user stays."""


@dataclass(frozen=True, kw_only=True)
class IssuersClient:
    """A client of the issuer's that has tokens of its own (RFC 6749, section 4.4)."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""

    def sign_in(self) -> str:
        """The client's access token."""
        scope = {"scope": self.scope} if self.scope else {}
        try:
            answer = requests.post(
                self.token_url,
                data={"grant_type": "client_credentials", **scope},
                auth=(self.client_id, self.client_secret),
                timeout=_TOKEN_WITHIN,
                allow_redirects=False,
            )
            token = answer.json().get("access_token") if answer.ok else None
        except (requests.RequestException, ValueError, AttributeError) as error:
            # Its text may hold the request.
            raise SignInFailedError(f"the issuer gave no token: {type(error).__name__}") from None
        if not isinstance(token, str) or not token:
            raise SignInFailedError(f"the issuer gave no token: {answer.status_code}")
        return token

    def remove(self) -> None:
        """The client stays."""


def new_password() -> str:
    """A random one that any policy of a pool takes."""
    return f"{secrets.token_urlsafe(24)}aA1!"


def create_user(client: Any, pool_id: str, name: str, password: str) -> None:
    """A user with the address `name`, to whom nothing is sent, and who need not change `password`.

    Raises what botocore raises; the user may be there then.
    """
    client.admin_create_user(
        UserPoolId=pool_id,
        Username=name,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": "email", "Value": name}, {"Name": "email_verified", "Value": "true"}],
    )
    client.admin_set_user_password(UserPoolId=pool_id, Username=name, Password=password, Permanent=True)


def require_https(url: object) -> str:
    """An address that secrets may be sent to. Raises OperationError."""
    if isinstance(url, str) and url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        return url
    raise OperationError(f"{url!r} is no https: address, and a client's secret is sent there.")


def _sign_in_by_password(client: Any, pool_id: str, client_id: str, name: str, password: str) -> str:
    given = AWSSRP(
        username=name, password=password, pool_id=pool_id, client_id=client_id, client=client
    ).authenticate_user()
    if "AuthenticationResult" not in given:
        raise SignInFailedError(f"Amazon Cognito asks for more: {given.get('ChallengeName')}")
    return str(given["AuthenticationResult"]["IdToken"])


def _remove_left_over_users(client: Any, pool_id: str) -> None:
    """Those of runs that were killed, an hour ago or more."""
    pages = client.get_paginator("list_users").paginate(
        UserPoolId=pool_id, Filter=f'email ^= "{USER_PREFIX}"', AttributesToGet=["email"]
    )
    before = datetime.now(UTC) - _LEFT_OVER_AFTER
    for user in [user for page in pages for user in page["Users"]]:
        email = next((each["Value"] for each in user["Attributes"] if each["Name"] == "email"), "")
        if user["UserCreateDate"] < before and email.endswith(f"@{USER_DOMAIN}"):
            client.admin_delete_user(UserPoolId=pool_id, Username=user["Username"])
