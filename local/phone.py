"""The app on the caller's phone, as far as the backend sees it: sign up, sign in, start a call.

It holds what an app holds, the stack's outputs, and no AWS credentials.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import boto3
import requests
from botocore import UNSIGNED
from botocore.config import Config
from pycognito import AWSSRP

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp.type_defs import AttributeTypeTypeDef

# The user pool of the local AWS sends no mail; this code confirms every address.
CONFIRMATION_CODE = "123456"
# Seconds. Longer than the 29 s that API Gateway waits for a function, so that its answer is the one seen.
_ANSWER_WITHIN = 35


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A user who has signed in, with the tokens that the app then holds."""

    email: str
    id_token: str
    access_token: str

    @property
    def claims(self) -> dict[str, Any]:
        """The claims of the identity token, unverified: verifying is the backend's work."""
        payload = self.id_token.split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims

    @property
    def user_id(self) -> str:
        """The `sub` claim, which becomes the contact's customer_id."""
        return str(self.claims["sub"])


class Phone:
    """An app that knows the outputs ApiUrl, EndpointUrl, Region, UserPoolId and UserPoolClientId."""

    def __init__(self, outputs: Mapping[str, str]) -> None:
        self._pool_id = outputs["UserPoolId"]
        self._client_id = outputs["UserPoolClientId"]
        self._api_url = outputs["ApiUrl"].rstrip("/")
        self.start_call_url = f"{self._api_url}/start-call"
        self._http = requests.Session()
        # One connection for each of the many threads of a test that calls at the same time.
        self._http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=256))
        self._identity = boto3.client(
            "cognito-idp",
            region_name=outputs["Region"],
            endpoint_url=outputs["EndpointUrl"],
            config=Config(signature_version=UNSIGNED),
        )

    def sign_up(self, email: str, **attributes: str) -> str:
        """Signs `email` up, with further user attributes if given, and confirms it. Returns the password."""
        password = f"{secrets.token_urlsafe(16)}aA1!"
        named: list[AttributeTypeTypeDef] = [
            {"Name": name, "Value": value} for name, value in {"email": email, **attributes}.items()
        ]
        self._identity.sign_up(
            ClientId=self._client_id, Username=email, Password=password, UserAttributes=named
        )
        self._identity.confirm_sign_up(
            ClientId=self._client_id, Username=email, ConfirmationCode=CONFIRMATION_CODE
        )
        return password

    def sign_in(self, email: str, password: str) -> SignedIn:
        """Signs in by SRP, so that the password never leaves the phone. Raises what Cognito refuses with."""
        challenge = AWSSRP(
            username=email,
            password=password,
            pool_id=self._pool_id,
            client_id=self._client_id,
            client=self._identity,
        )
        tokens = challenge.authenticate_user()["AuthenticationResult"]
        return SignedIn(email=email, id_token=tokens["IdToken"], access_token=tokens["AccessToken"])

    def start_call(
        self, token: str, body: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> requests.Response:
        """POST /start-call, once, with the token and, if given, the Idempotency-Key."""
        headers = {"Authorization": token}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self._http.post(self.start_call_url, json=body or {}, headers=headers, timeout=_ANSWER_WITHIN)

    def read_call(self, token: str, contact_id: str) -> requests.Response:
        """GET /calls/{ContactId}."""
        return self._of_call("GET", token, contact_id)

    def hang_up(self, token: str, contact_id: str) -> requests.Response:
        """DELETE /calls/{ContactId}."""
        return self._of_call("DELETE", token, contact_id)

    def rejoin(self, token: str, contact_id: str) -> requests.Response:
        """POST /calls/{ContactId}/connection."""
        return self._of_call("POST", token, contact_id, "/connection", {})

    def send_digits(self, token: str, contact_id: str, digits: str) -> requests.Response:
        """POST /calls/{ContactId}/digits."""
        return self._of_call("POST", token, contact_id, "/digits", {"Digits": digits})

    def _of_call(
        self, method: str, token: str, contact_id: str, path: str = "", body: Mapping[str, Any] | None = None
    ) -> requests.Response:
        url = f"{self._api_url}/calls/{quote(contact_id, safe='')}{path}"
        return self._http.request(
            method, url, json=body, headers={"Authorization": token}, timeout=_ANSWER_WITHIN
        )

    def send(self, method: str, *, headers: Mapping[str, str], body: bytes | None) -> requests.Response:
        """Any request at all to /start-call, well formed or not."""
        return self._http.request(
            method, self.start_call_url, headers=headers, data=body, timeout=_ANSWER_WITHIN
        )
