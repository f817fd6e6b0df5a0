"""The app on the caller's phone, as far as the backend sees it: sign up, sign in, start a call.

It holds what an app holds, the stack's outputs; `local.clients.identities` says how it signs in.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import requests

from local.clients.identities import SignedIn, identity_of

# Seconds. Longer than the 29 s that API Gateway waits for a function, so that its answer is the one seen.
_ANSWER_WITHIN = 35


class Phone:
    """An app; it needs the outputs EndpointUrl, ApiUrl and those that its kind of identity needs."""

    def __init__(self, outputs: Mapping[str, str]) -> None:
        self.identity = identity_of(outputs)
        self._api_url = outputs["ApiUrl"].rstrip("/")
        self.start_call_url = f"{self._api_url}/start-call"
        self._http = requests.Session()
        # One connection for each of the many threads of a test that calls at the same time.
        self._http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=256))

    def sign_up(self, email: str, **attributes: Any) -> str:
        """Signs `email` up, with further claims if given. Returns the password, empty where there is none."""
        return self.identity.sign_up(email, attributes)

    def sign_in(
        self,
        email: str,
        password: str,
        *,
        amr: Sequence[str] | None = None,
        signed_in_seconds_ago: float | None = None,
        **claims: Any,
    ) -> SignedIn:
        """Signs in: by these methods (RFC 8176), so long ago, as somebody of whom the token says `claims`.

        A user pool takes none of these: ValueError. Raises SignInError, or what Cognito refuses with.
        """
        if amr is not None:
            claims["amr"] = list(amr)
        if signed_in_seconds_ago is not None:
            claims["auth_time"] = int(time.time() - signed_in_seconds_ago)
        return self.identity.sign_in(email, password, claims)

    def start_call(
        self, token: str, body: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> requests.Response:
        """POST /start-call, once, with the token and, if given, the Idempotency-Key."""
        headers = {"Authorization": token}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self._http.post(self.start_call_url, json=body or {}, headers=headers, timeout=_ANSWER_WITHIN)

    def availability(
        self, token: str, topic: str | None = None, *, etag: str | None = None
    ) -> requests.Response:
        """GET /availability, of a topic if given, unless it is the answer that the app has by its `etag`."""
        return self._http.get(
            f"{self._api_url}/availability",
            params={} if topic is None else {"Topic": topic},
            headers={"Authorization": token, **({} if etag is None else {"If-None-Match": etag})},
            timeout=_ANSWER_WITHIN,
        )

    def read_call(self, token: str, contact_id: str, *, etag: str | None = None) -> requests.Response:
        """GET /calls/{ContactId}, likewise."""
        known = {} if etag is None else {"If-None-Match": etag}
        return self._of_call("GET", token, contact_id, headers=known)

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
        self,
        method: str,
        token: str,
        contact_id: str,
        path: str = "",
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        url = f"{self._api_url}/calls/{quote(contact_id, safe='')}{path}"
        sent = {"Authorization": token, **(headers or {})}
        return self._http.request(method, url, json=body, headers=sent, timeout=_ANSWER_WITHIN)

    def send(self, method: str, *, headers: Mapping[str, str], body: bytes | None) -> requests.Response:
        """Any request at all to /start-call, well formed or not."""
        return self._http.request(
            method, self.start_call_url, headers=headers, data=body, timeout=_ANSWER_WITHIN
        )
