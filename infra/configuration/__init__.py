"""The values of one environment: `config/<environment>.toml`, checked before anything is built."""

from infra.configuration.alarms import Alarms
from infra.configuration.api import Api, Domain
from infra.configuration.attributes import TRUSTED_ATTRIBUTES, Attributes
from infra.configuration.calls import START_CALL_TIMEOUT_SECONDS, Calls
from infra.configuration.capabilities import Capabilities
from infra.configuration.checks import (
    MAX_ENVIRONMENT_BYTES,
    SELF_WRITTEN_CLAIMS,
    SELF_WRITTEN_CLAIMS_OF_ISSUERS,
)
from infra.configuration.configuration import ENVIRONMENT_NAME, Configuration, Transports, environments, load
from infra.configuration.connect import (
    DEFAULT_CONTACT_FLOW,
    AdoptedContactFlow,
    AdoptedInstance,
    Connect,
    ContactFlow,
    OwnContactFlow,
    Sandbox,
)
from infra.configuration.faults import ConfigurationError, Fault
from infra.configuration.flow import Flow
from infra.configuration.functions import LOG_RETENTION_DAYS, Functions
from infra.configuration.identity import Authentication, Identity
from infra.configuration.instance_arn import INSTANCE_ARN
from infra.configuration.issuer import GivenKeys, Issuer, KmsKeys, PublishedKeys, TokenUse
from infra.configuration.pipeline import Pipeline
from infra.configuration.platform import DEFAULT_QUALIFIER, Platform
from infra.configuration.quotas import Quotas
from infra.configuration.regions import IN_APP_CALLING_REGIONS
from infra.configuration.section import NATIVE, Section, Transport, TransportSection
from infra.configuration.smoke import SMOKE_TOPIC, Smoke
from infra.configuration.transports import find_transports
from infra.configuration.user_pool import (
    RESERVED_DOMAIN_WORDS,
    AppleProvider,
    ExistingUserPool,
    IdentityProvider,
    ManagedLogin,
    OidcProvider,
    SamlProvider,
    UserPool,
)

__all__ = [
    "DEFAULT_CONTACT_FLOW",
    "DEFAULT_QUALIFIER",
    "ENVIRONMENT_NAME",
    "INSTANCE_ARN",
    "IN_APP_CALLING_REGIONS",
    "LOG_RETENTION_DAYS",
    "MAX_ENVIRONMENT_BYTES",
    "NATIVE",
    "RESERVED_DOMAIN_WORDS",
    "SELF_WRITTEN_CLAIMS",
    "SELF_WRITTEN_CLAIMS_OF_ISSUERS",
    "SMOKE_TOPIC",
    "START_CALL_TIMEOUT_SECONDS",
    "TRUSTED_ATTRIBUTES",
    "AdoptedContactFlow",
    "AdoptedInstance",
    "Alarms",
    "Api",
    "AppleProvider",
    "Attributes",
    "Authentication",
    "Calls",
    "Capabilities",
    "Configuration",
    "ConfigurationError",
    "Connect",
    "ContactFlow",
    "Domain",
    "ExistingUserPool",
    "Fault",
    "Flow",
    "Functions",
    "GivenKeys",
    "Identity",
    "IdentityProvider",
    "Issuer",
    "KmsKeys",
    "ManagedLogin",
    "OidcProvider",
    "OwnContactFlow",
    "Pipeline",
    "Platform",
    "PublishedKeys",
    "Quotas",
    "SamlProvider",
    "Sandbox",
    "Section",
    "Smoke",
    "TokenUse",
    "Transport",
    "TransportSection",
    "Transports",
    "UserPool",
    "environments",
    "find_transports",
    "load",
]
