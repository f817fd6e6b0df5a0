"""`[api]`: who may call the API from where, how often, and under which name."""

from __future__ import annotations

from typing import Annotated, Self, override

from pydantic import ValidationInfo, field_validator, model_validator

from infra.configuration.faults import detail, refuse, refuse_all
from infra.configuration.place import Place
from infra.configuration.quotas import MAX_RATE, refuse_burst_below_rate
from infra.configuration.section import Section
from infra.configuration.values import UUID, Arn, Text, Texts, Whole

OWN, NONE = "own", "none"

_LIMITS = (
    "requests_per_ip_per_5_minutes",
    "starts_per_ip_per_5_minutes",
    "requests_per_token_per_5_minutes",
    "starts_per_token_per_5_minutes",
)
"""Those of the own web ACL, each behind those that it may not exceed."""

_WAF = 'AWS WAF developer guide, "Rate-based rule"'
_HOST_NAME = r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"


class WebAcl(Arn):
    """A web ACL by its ARN, or one of two words."""

    @override
    def expected(self, place: Place) -> str:
        return f"{OWN}|{NONE}|{super().expected(place)}"


class Domain(Section):
    """A domain name of yours for the API. Its DNS record is yours to make: the output says where it leads."""

    name: Annotated[
        str,
        Text('a domain name without a wildcard: "calls.example.com"', _HOST_NAME, "RFC 1123"),
    ]
    """What apps call in place of the name that API Gateway gives."""

    certificate_arn: Annotated[
        str,
        Arn(
            "the ARN of an ACM certificate of this account and Region, which covers the name: {arn}",
            source='Amazon API Gateway developer guide, "Regional custom domain names"',
            service="acm",
            resource=f"certificate/{UUID}",
            example="certificate/<uuid>",
        ),
    ]
    """The certificate for it."""

    @field_validator("name")
    @classmethod
    def _not_of_aws(cls, value: str) -> str:
        if value.endswith((".amazonaws.com", ".aws")):
            refuse("a domain name of your own: those of AWS have no certificate of yours")
        return value


class Api(Section):
    """Browser origins that may call the API (none: no CORS); how often it may be called."""

    allowed_origins: Annotated[
        tuple[str, ...],
        Texts(
            Text(
                'origins without a path, "https://app.example.com" or "http://localhost:3000"; [] for none',
                r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://localhost(:[0-9]{1,5})?",
            )
        ),
    ] = ()
    """Web apps that may call from a browser. Apps on phones need none."""

    status_rate: Annotated[int, Whole(1, MAX_RATE, "reads of calls' states a second")] = 50
    """Reads of calls' states a second, and as many of availability."""

    status_burst: Annotated[int, Whole(1, MAX_RATE, "reads of calls' states at once")] = 100
    """Reads of calls' states at once, and as many of availability."""

    requests_per_ip_per_5_minutes: Annotated[
        int, Whole(10, 2_000_000_000, "requests; AWS WAF takes no fewer than 10", _WAF)
    ] = 10_000
    """Requests of one address in five minutes, after which the own web ACL blocks it. A whole mobile network
    may be behind a few addresses.
    """

    starts_per_ip_per_5_minutes: Annotated[
        int, Whole(10, 2_000_000_000, "requests to start a call; AWS WAF takes no fewer than 10", _WAF)
    ] = 150
    """Starts of calls of one address in five minutes, likewise."""

    requests_per_token_per_5_minutes: Annotated[
        int, Whole(10, 2_000_000_000, "requests; AWS WAF takes no fewer than 10", _WAF)
    ] = 300
    """Requests with one token in five minutes, likewise. An app that waits sends some 30."""

    starts_per_token_per_5_minutes: Annotated[
        int, Whole(10, 2_000_000_000, "requests to start a call; AWS WAF takes no fewer than 10", _WAF)
    ] = 20
    """Starts of calls with one token in five minutes, retries included, likewise."""

    web_acl: Annotated[
        str,
        WebAcl(
            f'"{OWN}" for a new one, "{NONE}" where the organisation attaches one, or the ARN of a regional '
            "web ACL of this account and Region: {arn}",
            source="AWS WAF API reference, AssociateWebACL",
            service="wafv2",
            resource=rf"regional/webacl/[A-Za-z0-9_-]{{1,128}}/{UUID}",
            example="regional/webacl/<name>/<uuid>",
        ),
    ] = OWN
    """The firewall in front of the API. AWS Firewall Manager attaches its own: "none"."""

    domain: Domain | None = None

    @property
    def own_web_acl(self) -> bool:
        """Whether the app creates a web ACL."""
        return self.web_acl == OWN

    @property
    def web_acl_arn(self) -> str | None:
        """The web ACL to associate, where it exists already."""
        return self.web_acl if self.web_acl.startswith("arn:") else None

    @field_validator("status_burst")
    @classmethod
    def _reaches_rate(cls, value: int, info: ValidationInfo) -> int:
        refuse_burst_below_rate(value, info)
        return value

    @field_validator(*_LIMITS[1:])
    @classmethod
    def _can_be_reached(cls, value: int, info: ValidationInfo) -> int:
        """A limit of some requests is no higher than that of all, a token's no higher than its address's."""
        name = str(info.field_name)
        for wider in {name.replace("starts", "requests"), name.replace("token", "ip")} - {name}:
            limit = info.data.get(wider, value)
            if value > limit:
                refuse(f"at most {wider} ({limit}), which would be reached before it")
        return value

    @model_validator(mode="after")
    def _limits_of_own_web_acl(self) -> Self:
        if not self.own_web_acl:
            refuse_all(
                detail(
                    (key,),
                    getattr(self, key),
                    f'remove it: only the own web ACL has this limit, and web_acl is not "{OWN}"',
                )
                for key in _LIMITS
                if key in self.model_fields_set
            )
        return self
