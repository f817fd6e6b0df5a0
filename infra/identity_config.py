"""Who the users are: `[identity]` of a configuration file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from infra.assets.key_set import SIGNATURE_ALGORITHMS, KeySetFault, read_key_set
from infra.config_section import UUID, Section, matches

# Words that Amazon Cognito takes in no domain prefix
# (Amazon Cognito developer guide, "Using the Amazon Cognito prefix domain for managed login").
RESERVED_DOMAIN_WORDS = ("amazon", "aws", "cognito")

# Names that Amazon Cognito keeps for itself and for the social providers
# (Amazon Cognito API reference, CreateUserPoolClient, SupportedIdentityProviders).
RESERVED_PROVIDER_NAMES = ("cognito", "facebook", "google", "loginwithamazon", "signinwithapple")

# Claims that the authorizer checks by itself: no text that they must be can be asked for.
CHECKED_CLAIMS = ("aud", "exp", "iat", "iss", "nbf", "scope", "scp")

CLAIM_OF_ISSUER = (
    "a claim of the issuer's tokens, of at most 256 printable ASCII characters without blanks and quotes: "
    '"email" or "https://acme.example/plan"; claims that begin with "custom:" are those of a user pool'
)
"""What `is_claim_of_issuer` takes."""

_APPLE = "SignInWithApple"

# Amazon Cognito API reference, DomainType.
_DOMAIN_PREFIX = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
# Narrower than ProviderNameTypeV2 there: users of a provider are named "<provider>_<their id>".
_PROVIDER_NAME = r"[A-Za-z0-9][A-Za-z0-9.-]{2,31}"
# Amazon Cognito API reference, CustomAttributeNameType; narrower, as claims and their readers write names.
_CUSTOM_ATTRIBUTE = r"[A-Za-z0-9_-]{1,20}"
# Amazon Cognito developer guide, "Quotas in Amazon Cognito".
_MOST_CUSTOM_ATTRIBUTES = 50
_MOST_PROVIDERS = 20
_MOST_URLS = 20

_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?"
# Of what a URL may hold (RFC 3986) no star, which some would take for a wildcard, no user and no fragment.
# An issuer has no query either (OpenID Connect Discovery 1.0, section 2).
_PATH = r"(/[A-Za-z0-9._~!$&'()+,;=:@%/-]*)?"
_HTTPS_URL = re.compile(rf"(?=.{{1,512}}$)https://{_HOST}{_PATH}")
# Some issuers tell their key sets apart by a query: Microsoft's user flows, "…/discovery/v2.0/keys?p=<flow>".
_JWKS_URL = re.compile(rf"(?=.{{1,512}}$)https://{_HOST}{_PATH}(\?[A-Za-z0-9._~!$&'()+,;=:@%/?-]+)?")
_PATH_AND_QUERY = r"([/?][A-Za-z0-9._~!$&'()+,;=:@%/?-]*)?"
_APP_URL = re.compile(
    r"(?=.{1,1024}$)("  # Amazon Cognito API reference, RedirectUrlType
    rf"https://{_HOST}{_PATH_AND_QUERY}"
    rf"|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{{1,5}})?{_PATH_AND_QUERY}"
    # A private-use scheme is the app's domain name in reverse order, so it has a dot (RFC 8252, section 7.1).
    r"|[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:/[A-Za-z0-9._~!$&'()+,;=:@%/?-]*"
    r")"
)
_APP_URLS_FIX = (
    'a list of URLs that lead to the app: "com.example.calls://signed-in" (a domain name in reverse order), '
    '"https://app.example.com/signed-in", or http on localhost, 127.0.0.1 or [::1]; no fragment, no wildcard'
)

_CLAIM = re.compile(r"""[!#-&(-\[\]-~]{1,256}""")
_VISIBLE = r"[!-~]{1,256}"
# RFC 6749, section 3.3.
_SCOPE = r"[\x21\x23-\x5b\x5d-\x7e]{1,128}"
# RFC 8176 registers words, and issuers have others. Lists of them are told with commas and brackets.
_AUTHENTICATION_METHOD = r"[A-Za-z0-9_.:/-]{1,64}"
# Behind a secret's name Secrets Manager puts a hyphen and six characters.
_NAME_IN_SECRETS_MANAGER = r"[A-Za-z0-9/_+=.@-]{1,512}-[A-Za-z0-9]{6}"
_KMS_KEY_ID = rf"({UUID}|mrk-[0-9a-f]{{32}})"
_MOST_KMS_KEYS = 4
_MOST_OF_EACH = 10

# Bytes. All variables of a function together take 4 KB (AWS Lambda developer guide, "Lambda quotas").
_LARGEST_KEY_SET = 2_500


@dataclass(frozen=True, kw_only=True)
class ManagedLogin:
    """Cognito's own sign-in pages, under `domain_prefix`; they send users back to the app's URLs alone."""

    domain_prefix: str
    callback_urls: tuple[str, ...]
    logout_urls: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class OidcProvider:
    """An OpenID Connect provider behind the user pool; the client's secret lies in Secrets Manager."""

    name: str
    issuer: str
    client_id: str
    client_secret_arn: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SamlProvider:
    """A SAML 2.0 provider behind the user pool, which its metadata describes."""

    name: str
    metadata_url: str


@dataclass(frozen=True, kw_only=True)
class AppleProvider:
    """Sign in with Apple behind the user pool; the private key lies in Secrets Manager."""

    services_id: str
    team_id: str
    key_id: str
    private_key_arn: str

    @property
    def name(self) -> str:
        """What Cognito calls it."""
        return _APPLE


IdentityProvider = OidcProvider | SamlProvider | AppleProvider


@dataclass(frozen=True, kw_only=True)
class UserPool:
    """The user pool's policy: who signs up, passwords, token lifetimes, passkeys; whose users come too.

    `custom_attributes` are names without the prefix `custom:`, which their claims have.
    """

    self_sign_up: bool
    password_length: int
    token_minutes: int
    refresh_token_days: int
    passkey_relying_party: str | None
    custom_attributes: tuple[str, ...]
    managed_login: ManagedLogin | None
    providers: tuple[IdentityProvider, ...]


@dataclass(frozen=True, kw_only=True)
class PublishedKeys:
    """Keys that the issuer publishes as a JSON Web Key Set.

    Fetched, they hold `fresh_seconds`, and `stale_seconds` more while they cannot be fetched again.
    """

    url: str
    fresh_seconds: int
    stale_seconds: int


@dataclass(frozen=True, kw_only=True)
class GivenKeys:
    """Keys from a file of the checkout: a JSON Web Key Set, with nothing but what verifying takes."""

    jwks: str


@dataclass(frozen=True, kw_only=True)
class KmsKeys:
    """Asymmetric keys of AWS KMS that sign the tokens; a token names one by the last part of its ARN."""

    arns: tuple[str, ...]


class TokenUse(StrEnum):
    """What a token was issued for."""

    ACCESS = "access"
    """To call an API."""
    ID = "id"
    """To tell an app who has signed in."""


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """Whose tokens are taken instead of a user pool's, and what they must be.

    `leeway_seconds` is by how much the issuer's clock may differ, `cache_seconds` how long API Gateway keeps
    the authorizer's answer to a token. `required_claims` maps a claim to the text that it must be.
    """

    issuer: str
    audiences: tuple[str, ...]
    token_use: TokenUse
    algorithms: tuple[str, ...]
    leeway_seconds: int
    cache_seconds: int
    required_scopes: tuple[str, ...]
    required_claims: Mapping[str, str]
    keys: PublishedKeys | GivenKeys | KmsKeys


@dataclass(frozen=True, kw_only=True)
class Authentication:
    """How a user must have signed in: no longer ago (None: at any time), by one of `amr` (none: by any)."""

    max_age_seconds: int | None
    amr: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who the users are: those of an own user pool, or of an issuer.

    `authentication` maps a topic to how its callers must have signed in; "" is for calls about no topic, and
    about those that are not named there.
    """

    display_name_claim: str
    source: UserPool | Issuer
    authentication: Mapping[str, Authentication]


def read_identity(
    section: Section, *, account: str, region: str, topics: Collection[str], checkout: Path
) -> Identity:
    """Reads `[identity]`. `topics` are those that calls can be about; files are looked for in `checkout`.

    Raises ConfigurationError.
    """
    has_pool, has_issuer = section.has("user_pool"), section.has("issuer")
    if has_pool and has_issuer:
        section.fail("issuer", "either users of an own pool, [identity.user_pool], or an issuer: remove one")
    if not has_pool and not has_issuer:
        section.fail(
            "user_pool",
            "[identity.user_pool] for users of an own Amazon Cognito user pool; or [identity.issuer] for "
            "those of an OpenID Connect provider, or of a backend that signs tokens",
        )
    source: UserPool | Issuer
    if has_pool:
        source = _user_pool(section.section("user_pool"), account, region)
        display_name_claim = section.text(
            "display_name_claim",
            'a claim of the ID token, such as "name" or "email"',
            matches(r"[\w:-]{1,128}"),
        )
        if not is_claim_of_user_pool(display_name_claim, source):
            section.fail("display_name_claim", custom_claim_fix(display_name_claim))
    else:
        source = _issuer(section.section("issuer"), region, checkout)
        display_name_claim = section.text("display_name_claim", CLAIM_OF_ISSUER, is_claim_of_issuer)
    identity = Identity(
        display_name_claim=display_name_claim,
        source=source,
        authentication=_authentications(section.section("authentication"), topics)
        if section.has("authentication")
        else {},
    )
    section.refuse_unknown_keys()
    return identity


def is_claim_of_issuer(name: str) -> bool:
    """Whether tokens of an issuer may have a claim of this name; it may be a URL, as Auth0 has it."""
    return _CLAIM.fullmatch(name) is not None and not name.startswith("custom:")


def is_claim_of_user_pool(claim: str, pool: UserPool) -> bool:
    """Whether users of the pool can have this claim, as far as its own attributes tell."""
    name = claim.removeprefix("custom:")
    return name == claim or name in pool.custom_attributes


def custom_claim_fix(claim: str) -> str:
    """What to write where `is_claim_of_user_pool` refuses a claim."""
    return (
        f"add {claim.removeprefix('custom:')!r} to identity.user_pool.custom_attributes, which makes it an "
        "attribute of the user pool for good; or name another claim"
    )


def _user_pool(section: Section, account: str, region: str) -> UserPool:
    pool = UserPool(
        self_sign_up=section.switch("self_sign_up"),
        password_length=section.number("password_length", 8, 99, "characters; Cognito takes 6 to 99"),
        token_minutes=section.number("token_minutes", 5, 1_440, "minutes an ID or access token lives"),
        refresh_token_days=section.number("refresh_token_days", 1, 3_650, "days until a new sign-in"),
        passkey_relying_party=section.text(
            "passkey_relying_party",
            'the domain that serves the apps\' .well-known association files: "example.com"',
            matches(r"(?=.{4,127}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"),
        )
        if section.has("passkey_relying_party")
        else None,
        # Not taken from the claims that are mapped: Cognito removes no attribute, so that one must be able to
        # stay when its claim is mapped no more.
        custom_attributes=section.texts(
            "custom_attributes",
            'a list of names of 1 to 20 of A-Z a-z 0-9 _ -, without "custom:": ["plan"]',
            matches(_CUSTOM_ATTRIBUTE),
            most=_MOST_CUSTOM_ATTRIBUTES,
        )
        if section.has("custom_attributes")
        else (),
        managed_login=_managed_login(section.section("managed_login"))
        if section.has("managed_login")
        else None,
        providers=_providers(section, account, region) if section.has("providers") else (),
    )
    if pool.providers and pool.managed_login is None:
        section.fail("managed_login", "add it: users of a provider sign in through Cognito's own pages")
    section.refuse_unknown_keys()
    return pool


def _managed_login(section: Section) -> ManagedLogin:
    fix = "1 to 63 lower-case letters, digits and inner hyphens, that nobody else uses in the Region"
    domain_prefix = section.text("domain_prefix", fix, matches(_DOMAIN_PREFIX))
    for word in RESERVED_DOMAIN_WORDS:
        if word in domain_prefix:
            section.fail("domain_prefix", f"{fix}; Cognito takes none with {word!r} in it")
    login = ManagedLogin(
        domain_prefix=domain_prefix,
        callback_urls=section.texts(
            "callback_urls", _APP_URLS_FIX, matches(_APP_URL), least=1, most=_MOST_URLS
        ),
        logout_urls=section.texts(
            "logout_urls", f"{_APP_URLS_FIX}; [] for none", matches(_APP_URL), most=_MOST_URLS
        ),
    )
    section.refuse_unknown_keys()
    return login


def _providers(pool: Section, account: str, region: str) -> tuple[IdentityProvider, ...]:
    providers: list[IdentityProvider] = []
    taken: set[str] = set()
    for section in pool.sections("providers", _MOST_PROVIDERS):
        type_ = section.text(
            "type", f'"OIDC", "SAML" or "{_APPLE}"', lambda value: value in {"OIDC", "SAML", _APPLE}
        )
        provider: IdentityProvider
        match type_:
            case "OIDC":
                provider = _oidc_provider(section, account, region)
            case "SAML":
                provider = _saml_provider(section)
            case _:
                provider = _apple_provider(section, account, region)
        if provider.name.lower() in taken:
            section.fail("type" if type_ == _APPLE else "name", "remove one: it is that of another provider")
        taken.add(provider.name.lower())
        section.refuse_unknown_keys()
        providers.append(provider)
    return tuple(providers)


def _oidc_provider(section: Section, account: str, region: str) -> OidcProvider:
    fix = 'a list of scopes with "openid" among them: ["openid", "email", "profile"]'
    scopes = section.texts("scopes", fix, matches(_SCOPE), most=_MOST_OF_EACH)
    if "openid" not in scopes:
        section.fail("scopes", fix)
    return OidcProvider(
        name=_provider_name(section),
        issuer=section.text(
            "issuer",
            'the provider\'s issuer, below which it has .well-known/openid-configuration: "https://…"',
            matches(_HTTPS_URL),
        ),
        client_id=section.text(
            "client_id",
            "what the provider calls this user pool: 1 to 256 characters without blanks",
            matches(_VISIBLE),
        ),
        client_secret_arn=_secret_arn(section, "client_secret_arn", account, region),
        scopes=scopes,
    )


def _saml_provider(section: Section) -> SamlProvider:
    return SamlProvider(
        name=_provider_name(section),
        metadata_url=section.text(
            "metadata_url",
            'where the provider describes itself: "https://…"',
            lambda value: value.startswith("https:") and _APP_URL.fullmatch(value) is not None,
        ),
    )


def _apple_provider(section: Section, account: str, region: str) -> AppleProvider:
    ten = "of your Apple developer account: 10 capital letters and digits"
    return AppleProvider(
        services_id=section.text(
            "services_id",
            'the Services ID of your Apple developer account: "com.example.calls.signin"',
            matches(r"[A-Za-z0-9.-]{1,255}"),
        ),
        team_id=section.text("team_id", f"the Team ID {ten}", matches(r"[A-Z0-9]{10}")),
        key_id=section.text("key_id", f"the id of the key {ten}", matches(r"[A-Z0-9]{10}")),
        private_key_arn=_secret_arn(section, "private_key_arn", account, region),
    )


def _provider_name(section: Section) -> str:
    fix = "3 to 32 letters, digits, dots and hyphens, a letter or digit first"
    name = section.text("name", fix, matches(_PROVIDER_NAME))
    if name.lower() in RESERVED_PROVIDER_NAMES:
        section.fail("name", f"{fix}; Cognito keeps this one for a provider of its own")
    return name


def _secret_arn(section: Section, key: str, account: str, region: str) -> str:
    prefix = f"arn:aws:secretsmanager:{region}:{account}:secret:"
    return section.text(
        key,
        f'the ARN of a secret of this account and Region, "{prefix}<name>-<6 characters>", whose text is the '
        "value: what is secret never stands here",
        matches(re.escape(prefix) + _NAME_IN_SECRETS_MANAGER),
    )


def _issuer(section: Section, region: str, checkout: Path) -> Issuer:
    algorithms = section.texts(
        "algorithms",
        f"a list of what the issuer signs with: {', '.join(SIGNATURE_ALGORITHMS)}",
        lambda value: value in SIGNATURE_ALGORITHMS,
        least=1,
    )
    issuer = Issuer(
        issuer=section.text(
            "issuer",
            "the iss of its tokens, character by character, with the slash at its end if there is one: "
            '"https://login.example.com/"; no query, no fragment',
            matches(_HTTPS_URL),
        ),
        audiences=section.texts(
            "audiences",
            "a list of what tokens for this API may have as aud, each of 1 to 256 characters without blanks",
            matches(_VISIBLE),
            least=1,
            most=_MOST_OF_EACH,
        ),
        token_use=TokenUse(
            section.text(
                "token_use",
                '"access" for tokens that were issued to call an API, or "id" for ID tokens',
                lambda value: value in set(TokenUse),
            )
        ),
        algorithms=algorithms,
        leeway_seconds=section.number(
            "leeway_seconds", 0, 120, "seconds by which the issuer's clock may differ"
        ),
        cache_seconds=section.number(
            "cache_seconds", 0, 300, "seconds for which API Gateway keeps the answer to a token"
        ),
        required_scopes=section.texts(
            "required_scopes",
            "a list of scopes, all of which a token must have; [] for none",
            matches(_SCOPE),
            most=_MOST_OF_EACH,
        ),
        required_claims=_required_claims(section.section("required_claims")),
        keys=_keys(section, region, checkout, algorithms),
    )
    if issuer.token_use is TokenUse.ID and issuer.required_scopes:
        section.fail("required_scopes", '[]: ID tokens have no scopes; or token_use = "access"')
    section.refuse_unknown_keys()
    return issuer


def _required_claims(section: Section) -> dict[str, str]:
    claims: dict[str, str] = {}
    for claim, value in section.mapping_items():
        if not is_claim_of_issuer(claim):
            section.fail(claim, CLAIM_OF_ISSUER)
        if claim in CHECKED_CLAIMS:
            section.fail(claim, "remove it: the other keys of [identity.issuer] say what it must be")
        if len(value) > 256:
            section.fail(claim, "a text of at most 256 characters")
        claims[claim] = value
        if len(claims) > _MOST_OF_EACH:
            section.fail(claim, f"remove it: at most {_MOST_OF_EACH} claims")
    return claims


def _keys(
    section: Section, region: str, checkout: Path, algorithms: tuple[str, ...]
) -> PublishedKeys | GivenKeys | KmsKeys:
    kinds = [kind for kind in ("jwks_url", "jwks_file", "kms_keys") if section.has(kind)]
    if len(kinds) != 1:
        section.fail(
            kinds[-1] if kinds else "jwks_url",
            "one of jwks_url (the issuer publishes its keys), jwks_file (they lie in the checkout) and "
            "kms_keys (AWS KMS has them), and only one",
        )
    if kinds == ["jwks_file"]:
        return GivenKeys(jwks=_key_set(section, checkout, algorithms))
    if kinds == ["kms_keys"]:
        prefix = f"arn:aws:kms:{region}:"
        return KmsKeys(
            arns=section.texts(
                "kms_keys",
                "a list of ARNs of asymmetric KMS keys of this Region, of any account, that sign: "
                f'"{prefix}<account>:key/<uuid>"',
                matches(rf"{re.escape(prefix)}[0-9]{{12}}:key/{_KMS_KEY_ID}"),
                least=1,
                most=_MOST_KMS_KEYS,
            )
        )
    return PublishedKeys(
        url=section.text(
            "jwks_url",
            'where the issuer publishes its keys: "https://login.example.com/jwks"; no fragment',
            matches(_JWKS_URL),
        ),
        fresh_seconds=section.number(
            "jwks_fresh_seconds", 60, 86_400, "seconds after which keys are fetched again"
        ),
        stale_seconds=section.number(
            "jwks_stale_seconds",
            0,
            86_400,
            "seconds for which keys hold beyond that while they cannot be fetched",
        ),
    )


def _key_set(section: Section, checkout: Path, algorithms: tuple[str, ...]) -> str:
    fix = 'a file of the checkout, by its path from there: "config/keys.json"'
    root = checkout.resolve()
    # Resolved, since a link can lead out of the checkout.
    file = (root / section.text("jwks_file", fix, matches(r"[A-Za-z0-9_./-]{1,255}"))).resolve()
    if not file.is_relative_to(root) or not file.is_file():
        section.fail("jwks_file", fix)
    try:
        jwks = read_key_set(file.read_bytes(), algorithms)
    except KeySetFault as fault:
        section.fail("jwks_file", f"in that file, {fault}")
    if len(jwks) > _LARGEST_KEY_SET:
        section.fail(
            "jwks_file",
            f"fewer keys, or jwks_url: what is read of them has {len(jwks)} bytes, and a function can be "
            f"told {_LARGEST_KEY_SET}",
        )
    return jwks


def _authentications(section: Section, topics: Collection[str]) -> dict[str, Authentication]:
    of_topics = section.section("topics")
    rules = {topic: _authentication(of_topics.section(topic)) for topic in topics if of_topics.has(topic)}
    of_topics.refuse_unknown_keys()
    # Where some topics have rules, the others need none.
    if not rules or section.has("max_age_seconds") or section.has("amr"):
        rules[""] = _authentication(section)
    section.refuse_unknown_keys()
    return rules


def _authentication(section: Section) -> Authentication:
    has_age, has_amr = section.has("max_age_seconds"), section.has("amr")
    if not has_age and not has_amr:
        section.fail("max_age_seconds", "a number of seconds; or amr, or both")
    rule = Authentication(
        max_age_seconds=section.number(
            "max_age_seconds", 60, 31_536_000, "seconds since the user signed in, by the claim auth_time"
        )
        if has_age
        else None,
        amr=section.texts(
            "amr",
            'a list of methods, of which the claim amr must hold one: ["mfa", "hwk"] (RFC 8176)',
            matches(_AUTHENTICATION_METHOD),
            least=1,
            most=_MOST_OF_EACH,
        )
        if has_amr
        else (),
    )
    section.refuse_unknown_keys()
    return rule
