"""TO BE DELETED once everything imports infra.configuration: the names as they were."""

from infra.configuration import (
    RESERVED_DOMAIN_WORDS,
    AppleProvider,
    Authentication,
    GivenKeys,
    Identity,
    IdentityProvider,
    Issuer,
    KmsKeys,
    ManagedLogin,
    OidcProvider,
    PublishedKeys,
    SamlProvider,
    TokenUse,
    UserPool,
)

__all__ = [
    "RESERVED_DOMAIN_WORDS",
    "AppleProvider",
    "Authentication",
    "GivenKeys",
    "Identity",
    "IdentityProvider",
    "Issuer",
    "KmsKeys",
    "ManagedLogin",
    "OidcProvider",
    "PublishedKeys",
    "SamlProvider",
    "TokenUse",
    "UserPool",
]
