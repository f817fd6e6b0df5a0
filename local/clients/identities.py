"""How somebody signs up and in, by what an environment has: a user pool, an issuer or an own backend."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, urlsplit

import boto3
import requests
from botocore import UNSIGNED
from botocore.config import Config
from pycognito import AWSSRP
from requests.adapters import HTTPAdapter

from local.access import Access
from local.clients.token_backend import TokenBackend

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp.type_defs import AttributeTypeTypeDef

# The user pool of the local AWS sends no mail; this code confirms every address.
CONFIRMATION_CODE = "123456"
_ANSWER_WITHIN = 10  # seconds
# Where no password is used.
_NO_PASSWORD = ""


class SignInError(Exception):
    """Nobody was signed in: why."""


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A user who has signed in: the token that the API takes, and the one that came with it, if any."""

    email: str
    token: str
    other_token: str | None = None

    @property
    def claims(self) -> dict[str, Any]:
        """The claims of the token, unverified: verifying is the backend's work."""
        payload = self.token.split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims

    @property
    def user_id(self) -> str:
        """The `sub` claim, which becomes the contact's customer_id."""
        return str(self.claims["sub"])


class Identity(Protocol):
    """What vouches for users."""

    story: str
    """How somebody signed up and in, as the rest of a sentence about them."""

    ways: str
    """How an app is to do it."""

    def sign_up(self, email: str, attributes: Mapping[str, Any]) -> str:
        """Makes a user with these claims; returns the password, empty where there is none."""

    def sign_in(self, email: str, password: str, claims: Mapping[str, Any]) -> SignedIn:
        """Signs a user in; with `claims` the token says these, where that can be had. Raises SignInError or
        what the AWS service refuses with.
        """

    def public_keys(self) -> bytes:
        """What verifies its tokens, as anybody can read it."""


def identity_of(outputs: Mapping[str, str]) -> Identity:
    """The kind of identity that the outputs describe."""
    if "UserPoolId" in outputs:
        return UserPool(outputs)
    if "ExternalIssuer" in outputs:
        return ExternalIssuer(outputs)
    return OwnBackend(outputs) if "SigningKeyArn" in outputs else OpenIdIssuer(outputs)


class UserPool:
    """The stack's own Cognito user pool."""

    story = (
        "signed up in the user pool, confirmed the address, and signed in by SRP: the password never left "
        "the phone."
    )
    ways = f"sign up with an email address, confirm with {CONFIRMATION_CODE}, sign in by SRP"

    def __init__(self, outputs: Mapping[str, str]) -> None:
        """Needs the outputs EndpointUrl, Region, UserPoolId and UserPoolClientId, and no AWS credentials."""
        self._pool_id = outputs["UserPoolId"]
        self._client_id = outputs["UserPoolClientId"]
        self._endpoint_url = outputs["EndpointUrl"]
        self._cognito = boto3.client(
            "cognito-idp",
            region_name=outputs["Region"],
            endpoint_url=self._endpoint_url,
            config=Config(signature_version=UNSIGNED),
        )

    def sign_up(self, email: str, attributes: Mapping[str, Any]) -> str:
        """Signs up with the user attributes and confirms the address."""
        password = f"{secrets.token_urlsafe(16)}aA1!"
        # Not the address, which is the user name: an app client need not be allowed to write it.
        named: list[AttributeTypeTypeDef] = [
            {"Name": name, "Value": value} for name, value in attributes.items()
        ]
        self._cognito.sign_up(
            ClientId=self._client_id, Username=email, Password=password, UserAttributes=named
        )
        self._cognito.confirm_sign_up(
            ClientId=self._client_id, Username=email, ConfirmationCode=CONFIRMATION_CODE
        )
        return password

    def sign_in(self, email: str, password: str, claims: Mapping[str, Any]) -> SignedIn:
        """By SRP; claims cannot be requested: ValueError. The API takes the identity token."""
        if claims:
            raise ValueError(f"a user pool decides what its tokens say: {sorted(claims)} cannot be requested")
        challenge = _Srp(
            username=email,
            password=password,
            pool_id=self._pool_id,
            client_id=self._client_id,
            client=self._cognito,
        )
        tokens = challenge.authenticate_user()["AuthenticationResult"]
        return SignedIn(email=email, token=tokens["IdToken"], other_token=tokens["AccessToken"])

    def public_keys(self) -> bytes:
        """The pool's JWKS."""
        url = f"{self._endpoint_url}/{self._pool_id}/.well-known/jwks.json"
        return requests.get(url, timeout=_ANSWER_WITHIN).content


class _Srp(AWSSRP):  # type: ignore[misc] # it has no types
    """SRP with a private number of 256 bits, the least of RFC 5054, 2.5.4, where the library has 1,024."""

    def generate_random_small_a(self) -> int:
        return secrets.randbits(256)


class OpenIdIssuer:
    """The local issuer, spoken to as an app speaks to any OpenID provider: in TLS, by code and PKCE."""

    story = (
        "signed up with the issuer, and signed in on its page: the app got a code and proved by PKCE that it "
        "was the one who had requested it, and got its tokens for it."
    )
    ways = "code flow with PKCE; /_local/issuer says where, and signs users up"

    def __init__(self, outputs: Mapping[str, str]) -> None:
        """Needs the outputs EndpointUrl, AccessFolder, Issuer, Audience, Scope and TokenUse."""
        self._control_url = f"{outputs['EndpointUrl']}/_local/issuer"
        self._control_headers = Access.read(Path(outputs["AccessFolder"])).control_headers
        self._audience = outputs["Audience"]
        self._scope = f"openid profile email {outputs['Scope']}".rstrip()
        self._required_claims = json.loads(outputs.get("RequiredClaims", "{}"))
        self._gives_access_tokens = outputs["TokenUse"] == "access"
        described = requests.get(
            self._control_url, headers=self._control_headers, timeout=_ANSWER_WITHIN
        ).json()
        self._client_id, self._redirect_uri = described["ClientId"], described["RedirectUri"]
        self._http = requests.Session()
        self._http.trust_env = False  # no proxy leads to this machine
        self._http.verify = described["CertificateAuthority"]
        host = str(urlsplit(outputs["Issuer"]).hostname)
        self._http.mount(f"https://{host}/", _OnThisMachine(host, described["Port"]))
        self._metadata = self._get(f"{outputs['Issuer']}.well-known/openid-configuration").json()

    def sign_up(self, email: str, attributes: Mapping[str, Any]) -> str:
        """By a control request: the local issuer has no page."""
        user = {"Email": email, "Claims": dict(attributes)}
        requests.post(
            f"{self._control_url}/users", headers=self._control_headers, json=user, timeout=_ANSWER_WITHIN
        ).raise_for_status()
        return _NO_PASSWORD

    def sign_in(self, email: str, _password: str, claims: Mapping[str, Any]) -> SignedIn:
        """By the authorization code flow with PKCE."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        wanted = {**self._required_claims, **claims}
        requested = {"id_token": {name: {"value": value} for name, value in wanted.items()}}
        page = self._get(
            self._metadata["authorization_endpoint"],
            response_type="code",
            client_id=self._client_id,
            redirect_uri=self._redirect_uri,
            scope=self._scope,
            resource=self._audience,
            state=state,
            code_challenge=challenge.rstrip(b"=").decode(),
            code_challenge_method="S256",
            login_hint=email,
            claims=json.dumps(requested),
        )
        answer = parse_qs(urlsplit(page.headers.get("Location", "")).query)
        if "code" not in answer or answer.get("state") != [state]:
            raise SignInError(answer.get("error", [page.text])[0])
        tokens = self._http.post(
            self._metadata["token_endpoint"],
            data={
                "grant_type": "authorization_code",
                "client_id": self._client_id,
                "redirect_uri": self._redirect_uri,
                "code": answer["code"][0],
                "code_verifier": verifier,
            },
            timeout=_ANSWER_WITHIN,
        ).json()
        if "access_token" not in tokens:
            raise SignInError(tokens["error"])
        both = (tokens["access_token"], tokens["id_token"])
        token, other = both if self._gives_access_tokens else both[::-1]
        return SignedIn(email=email, token=token, other_token=other)

    def public_keys(self) -> bytes:
        """The issuer's JWKS."""
        return self._get(self._metadata["jwks_uri"]).content

    def _get(self, url: str, **query: str) -> requests.Response:
        return self._http.get(url, params=query, allow_redirects=False, timeout=_ANSWER_WITHIN)


class _OnThisMachine(HTTPAdapter):
    """Leads a host's name to a port of loopback, and holds whoever answers there to the name."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Of connections whose certificate is the host's."""
        super().init_poolmanager(*args, **options, server_hostname=self._host, assert_hostname=self._host)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Sends the request there."""
        url = urlsplit(request.url or "")
        request.url = str(url._replace(netloc=f"127.0.0.1:{self._port}").geturl())
        request.headers["Host"] = self._host
        return super().send(request, *args, **options)


class ExternalIssuer:
    """An OpenID provider that somebody else runs on this machine: its users sign in on its pages alone."""

    story = "signed in with the provider that OIDC_ISSUER names."

    def __init__(self, outputs: Mapping[str, str]) -> None:
        """Needs the output ExternalIssuer."""
        self._issuer = outputs["ExternalIssuer"]
        self.ways = f"sign in with {self._issuer}"

    def sign_up(self, email: str, _attributes: Mapping[str, Any]) -> str:
        """Nobody can from here: SignInError."""
        raise SignInError(f"{email} signs up and in with {self._issuer} itself")

    def sign_in(self, email: str, _password: str, _claims: Mapping[str, Any]) -> SignedIn:
        """Nobody can from here: SignInError."""
        raise SignInError(f"{email} signs in with {self._issuer} itself")

    def public_keys(self) -> bytes:
        """The provider's JWKS."""
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        metadata = requests.get(url, timeout=_ANSWER_WITHIN).json()
        return requests.get(metadata["jwks_uri"], timeout=_ANSWER_WITHIN).content


class OwnBackend:
    """The customer's own backend, which signs identity tokens by KMS; the API takes these."""

    story = "signed up and in with the customer's own backend, which had AWS KMS sign an identity token."
    ways = "sign them with the key of KMS, as local/token_backend.py does"

    def __init__(self, outputs: Mapping[str, str]) -> None:
        """Needs EndpointUrl, AccessFolder, Region, Issuer, Audience, SigningKeyArn and Algorithm."""
        access = Access.read(Path(outputs["AccessFolder"]))
        session: Any = boto3.Session(
            region_name=outputs["Region"],
            aws_access_key_id=access.access_key_id,
            aws_secret_access_key=access.secret_access_key,
        )
        self._backend = TokenBackend(
            kms=session.client("kms", endpoint_url=outputs["EndpointUrl"]),
            key_arn=outputs["SigningKeyArn"],
            algorithm=outputs["Algorithm"],
            issuer=outputs["Issuer"],
            audience=outputs["Audience"],
        )

    def sign_up(self, email: str, attributes: Mapping[str, Any]) -> str:
        """With the backend of this phone; another phone has another backend."""
        self._backend.sign_up(email, attributes)
        return _NO_PASSWORD

    def sign_in(self, email: str, _password: str, claims: Mapping[str, Any]) -> SignedIn:
        """The backend signs whatever it is to say."""
        try:
            return SignedIn(email=email, token=self._backend.identity_token(email, claims))
        except KeyError:
            raise SignInError(f"nobody signed up as {email}") from None

    def public_keys(self) -> bytes:
        """KMS's public key."""
        return self._backend.public_key()
