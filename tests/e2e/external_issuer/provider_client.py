"""Signs users in with the provider, as an app does: authorization code flow, PKCE, a resource indicator."""

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

REDIRECT_URI = "com.example.calls:/signed-in"
_MAX_REDIRECTS = 10


class ProviderClient:
    """An app of the provider whose issuer that is; `audience` is the API that it wants tokens for."""

    def __init__(self, issuer: str, *, audience: str) -> None:
        self._audience = audience
        url = f"{issuer}/.well-known/openid-configuration"
        self.metadata: dict[str, Any] = requests.get(url, timeout=10).json()

    def sign_in(self, user: str, *, scope: str = "calls", audience: str = "") -> dict[str, str]:
        """The tokens of a user who has just signed in."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        resource = audience or self._audience
        query = {
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": REDIRECT_URI,
            "scope": f"openid email {scope}".rstrip(),
            "resource": resource,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "login_hint": user,
        }
        answer = self._follow(self.metadata["authorization_endpoint"], query)
        assert "code" in answer, answer
        given = {
            "grant_type": "authorization_code",
            "client_id": "app",
            "redirect_uri": REDIRECT_URI,
            "code": answer["code"][0],
            "code_verifier": verifier,
            "resource": resource,
        }
        response = requests.post(self.metadata["token_endpoint"], data=given, timeout=10)
        assert response.ok, response.text
        tokens: dict[str, str] = response.json()
        return tokens

    @staticmethod
    def _follow(url: str, query: dict[str, str]) -> dict[str, list[str]]:
        """What the app is opened with once the browser has been through the provider's pages."""
        browser = requests.Session()
        response = browser.get(url, params=query, allow_redirects=False, timeout=10)
        for _ in range(_MAX_REDIRECTS):
            assert response.is_redirect, f"{response.status_code} {response.text}"
            location = urljoin(response.url, response.headers["Location"])
            if location.startswith(REDIRECT_URI):
                return parse_qs(urlsplit(location).query)
            response = browser.get(location, allow_redirects=False, timeout=10)
        raise AssertionError("the provider redirects for ever")
