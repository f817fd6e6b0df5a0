"""`[identity.user_pool]` and `[identity.existing_user_pool]`: users of an Amazon Cognito user pool."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from infra.configuration.faults import detail, refuse, refuse_all
from infra.configuration.section import Section
from infra.configuration.urls import APP_URL, APP_URLS_FIX, HTTPS_URL, METADATA_URL
from infra.configuration.values import Arn, Switch, Tables, Text, Texts, Whole

RESERVED_DOMAIN_WORDS = ("amazon", "aws", "cognito")
"""Words that Amazon Cognito takes in no domain prefix
(Amazon Cognito developer guide, "Using the Amazon Cognito prefix domain for managed login").
"""

RESERVED_PROVIDER_NAMES = ("cognito", "facebook", "google", "loginwithamazon", "signinwithapple")
"""Names that Amazon Cognito keeps for itself and for the social providers
(Amazon Cognito API reference, CreateUserPoolClient, SupportedIdentityProviders).
"""

_APPLE = "SignInWithApple"
_QUOTAS = 'Amazon Cognito developer guide, "Quotas in Amazon Cognito"'
_MAX_CUSTOM_ATTRIBUTES = 50
_MAX_PROVIDERS = 20
_MAX_URLS = 20
_MAX_SCOPES = 10

# RFC 6749, section 3.3.
SCOPE = r"[\x21\x23-\x5b\x5d-\x7e]{1,128}"
VISIBLE = r"[!-~]{1,256}"

_PREFIX_FIX = "1 to 63 lower-case letters, digits and inner hyphens, that nobody else uses in the Region"
_NAME_FIX = "3 to 32 letters, digits, dots and hyphens, a letter or digit first"
_SCOPES_FIX = 'a list of scopes with "openid" among them: ["openid", "email", "profile"]'
_TEN = "of your Apple developer account: 10 capital letters and digits"

_SECRET = Arn(
    "the ARN of a secret of this account and Region, {arn}, whose text is the value: secrets never go in "
    "this file",
    service="secretsmanager",
    # Behind a secret's name Secrets Manager puts a hyphen and six characters.
    resource=r"secret:[A-Za-z0-9/_+=.@-]{1,512}-[A-Za-z0-9]{6}",
    example="secret:<name>-<6 characters>",
)


class ManagedLogin(Section):
    """Cognito's own sign-in pages, under `domain_prefix`; they send users back to the app's URLs alone."""

    domain_prefix: Annotated[
        str,
        Text(_PREFIX_FIX, r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "Amazon Cognito API reference, DomainType"),
    ]
    """The first part of the pages' address."""

    callback_urls: Annotated[tuple[str, ...], Texts(Text(APP_URLS_FIX, APP_URL), 1, _MAX_URLS)]
    """Where users come back to after they have signed in."""

    logout_urls: Annotated[
        tuple[str, ...], Texts(Text(f"{APP_URLS_FIX}; [] for none", APP_URL), 0, _MAX_URLS)
    ] = ()
    """Where they come back to after they have signed out."""

    @field_validator("domain_prefix")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        for word in RESERVED_DOMAIN_WORDS:
            if word in value:
                refuse(f"{_PREFIX_FIX}; Cognito takes none with {word!r} in it")
        return value


def _refuse_reserved(name: str) -> str:
    if name.lower() in RESERVED_PROVIDER_NAMES:
        refuse(f"{_NAME_FIX}; Cognito keeps this one for a provider of its own")
    return name


# Narrower than ProviderNameTypeV2: users of a provider are named "<provider>_<their id>".
_PROVIDER_NAME = Text(
    _NAME_FIX, r"[A-Za-z0-9][A-Za-z0-9.-]{2,31}", "Amazon Cognito API reference, ProviderNameTypeV2"
)


class OidcProvider(Section):
    """An OpenID Connect provider behind the user pool; the client's secret lies in Secrets Manager."""

    type: Literal["OIDC"] = "OIDC"
    name: Annotated[str, _PROVIDER_NAME]
    """What Cognito calls it; part of its users' names."""

    issuer: Annotated[
        str,
        Text(
            'the provider\'s issuer, below which it has .well-known/openid-configuration: "https://…"',
            HTTPS_URL,
        ),
    ]
    """Its issuer."""

    client_id: Annotated[
        str, Text("what the provider calls this user pool: 1 to 256 characters without blanks", VISIBLE)
    ]
    """The client that the provider has for the user pool."""

    client_secret_arn: Annotated[str, _SECRET]
    """The secret of that client."""

    scopes: Annotated[tuple[str, ...], Texts(Text(_SCOPES_FIX, SCOPE), 0, _MAX_SCOPES)] = ("openid", "email")
    """What the provider is asked for."""

    @field_validator("name")
    @classmethod
    def _own_name(cls, value: str) -> str:
        return _refuse_reserved(value)

    @field_validator("scopes")
    @classmethod
    def _has_openid(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            refuse(_SCOPES_FIX)
        return value


class SamlProvider(Section):
    """A SAML 2.0 provider behind the user pool, which its metadata describes."""

    type: Literal["SAML"] = "SAML"
    name: Annotated[str, _PROVIDER_NAME]
    """What Cognito calls it; part of its users' names."""

    metadata_url: Annotated[str, Text('where the provider describes itself: "https://…"', METADATA_URL)]
    """Its metadata document."""

    @field_validator("name")
    @classmethod
    def _own_name(cls, value: str) -> str:
        return _refuse_reserved(value)


class AppleProvider(Section):
    """Sign in with Apple behind the user pool; the private key lies in Secrets Manager."""

    type: Literal["SignInWithApple"] = "SignInWithApple"
    services_id: Annotated[
        str,
        Text(
            'the Services ID of your Apple developer account: "com.example.calls.signin"',
            r"[A-Za-z0-9.-]{1,255}",
        ),
    ]
    """The Services ID."""

    team_id: Annotated[str, Text(f"the Team ID {_TEN}", r"[A-Z0-9]{10}")]
    """The team."""

    key_id: Annotated[str, Text(f"the id of the key {_TEN}", r"[A-Z0-9]{10}")]
    """The key."""

    private_key_arn: Annotated[str, _SECRET]
    """Its private half."""

    @property
    def name(self) -> str:
        """What Cognito calls it."""
        return _APPLE


IdentityProvider = OidcProvider | SamlProvider | AppleProvider


class UserPool(Section):
    """A user pool that the Identity stack creates: who signs up, passwords, token lifetimes, passkeys.

    `custom_attributes` are names without the prefix `custom:`, which their claims have.
    """

    self_sign_up: Annotated[bool, Switch()] = False
    """Whether people may register themselves."""

    password_length: Annotated[int, Whole(8, 99, "characters; Cognito takes 6 to 99")] = 12
    """The least length of a password."""

    token_minutes: Annotated[int, Whole(5, 1_440, "minutes an ID or access token lives", _QUOTAS)] = 60
    """How long a token lives."""

    refresh_token_days: Annotated[int, Whole(1, 3_650, "days until a new sign-in", _QUOTAS)] = 30
    """How long users stay signed in."""

    passkey_relying_party: (
        Annotated[
            str,
            Text(
                'the domain that serves the apps\' .well-known association files: "example.com"',
                r"(?=.{4,127}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}",
                "Amazon Cognito API reference, RelyingPartyIdType",
            ),
        ]
        | None
    ) = None
    """The domain of passkeys. Without it they are of Cognito's own pages alone."""

    # Not taken from the claims that are mapped: Cognito removes no attribute, so that one must be able to
    # stay when its claim is mapped no more.
    custom_attributes: Annotated[
        tuple[str, ...],
        Texts(
            # Narrower than CustomAttributeNameType, as claims and their readers write names.
            Text(
                'a list of names of 1 to 20 of A-Z a-z 0-9 _ -, without "custom:": ["plan"]',
                r"[A-Za-z0-9_-]{1,20}",
                "Amazon Cognito API reference, CustomAttributeNameType",
            ),
            0,
            _MAX_CUSTOM_ATTRIBUTES,
        ),
    ] = ()
    """Attributes of your own. They only become more: Cognito removes none."""

    providers: Annotated[
        tuple[Annotated[IdentityProvider, Field(discriminator="type")], ...], Tables(_MAX_PROVIDERS)
    ] = ()
    """Providers behind the pool, whose users come too."""

    managed_login: ManagedLogin | None = None

    @field_validator("providers")
    @classmethod
    def _named_once(cls, value: tuple[IdentityProvider, ...]) -> tuple[IdentityProvider, ...]:
        taken: set[str] = set()
        faults = []
        for number, provider in enumerate(value):
            if provider.name.lower() in taken:
                key = "type" if isinstance(provider, AppleProvider) else "name"
                faults.append(
                    detail(
                        (number, key),
                        getattr(provider, key),
                        "remove one: it is that of another provider",
                    )
                )
            taken.add(provider.name.lower())
        refuse_all(faults)
        return value

    @field_validator("managed_login")
    @classmethod
    def _pages_for_providers(cls, value: ManagedLogin | None, info: ValidationInfo) -> ManagedLogin | None:
        if value is None and info.data.get("providers"):
            refuse("add it: users of a provider sign in through Cognito's own pages")
        return value


class ExistingUserPool(Section):
    """A user pool and an app client that exist already. Only tokens of that client are accepted."""

    arn: Annotated[
        str,
        Arn(
            "the ARN of a user pool of this account and Region: {arn}",
            source="Amazon Cognito API reference, DescribeUserPool",
            service="cognito-idp",
            resource=r"userpool/[a-z0-9-]+_[A-Za-z0-9]+",
            example="userpool/<Region>_<id>",
        ),
    ]
    """The user pool."""

    client_id: Annotated[
        str,
        Text(
            "the id of the app's client: 1 to 128 letters, digits, _ and +",
            r"[A-Za-z0-9_+]{1,128}",
            "Amazon Cognito API reference, ClientIdType",
        ),
    ]
    """The client that the app signs in with. Tokens must have it as `aud`."""

    client_writes: Annotated[
        tuple[str, ...],
        Texts(
            Text(
                "the WriteAttributes that `aws cognito-idp describe-user-pool-client` shows, as in "
                '["name", "custom:plan"]; [] if it shows none',
                r"[A-Za-z0-9_:-]{1,32}",
                "Amazon Cognito API reference, CreateUserPoolClient, WriteAttributes",
            )
        ),
    ]
    """What users may change through it, so that it proves nothing. [] means the standard attributes."""

    @property
    def user_pool_id(self) -> str:
        """The pool's id."""
        return self.arn.partition("userpool/")[2]
