"""The values of one environment, read from `config/<environment>.toml` and checked before anything is built.

Every fault is a `ConfigurationError` that names the file, the key, the value found there and the fix.
"""

from __future__ import annotations

import ipaddress
import json
import re
import tomllib
from collections.abc import Mapping, Sized
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.config_section import UUID, ConfigurationError, Section, matches
from infra.identity_config import (
    CLAIM_OF_ISSUER,
    Identity,
    Issuer,
    UserPool,
    custom_claim_fix,
    is_claim_of_issuer,
    is_claim_of_user_pool,
    read_identity,
)

# Where Amazon Connect offers in-app, web and video calling
# (Amazon Connect administrator guide, "Availability of Amazon Connect features by Region"); without
# us-gov-west-1, where Lambda has no logs in JSON, no tags of event source mappings and no SnapStart for
# Python (AWS GovCloud (US) user guide, "How AWS Lambda differs").
IN_APP_CALLING_REGIONS = (
    "af-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-2",
    "us-east-1",
    "us-west-2",
)

# Where the Amazon Chime SDK has SIP media applications and Voice Connectors
# (Amazon Chime SDK developer guide, "Available AWS Regions").
SIP_MEDIA_APPLICATION_REGIONS = (
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "us-east-1",
    "us-west-2",
)

# Of these, those whose phone numbers can be ordered from the Amazon Chime SDK.
CHIME_PHONE_NUMBER_REGIONS = ("us-east-1", "us-west-2")

# Names of SIP headers that begin so belong to AWS, whatever their case
# (Amazon Chime SDK developer guide, "Using SIP headers"); the join token travels in one of them.
RESERVED_SIP_HEADERS = ("x-amzn", "x-canary", "x-chime", "x-vc", "x-vine", "x-voice")

# Contact attributes that only the backend and the contact flow write.
TRUSTED_ATTRIBUTES = ("customer_id", "auth_status", "auth_time", "auth_token")

# Claims that users write themselves, unverified: no proof of anything.
SELF_WRITTEN_CLAIMS = ("name",)

# Claims of the profile, which users of most issuers write themselves (OpenID Connect Core 1.0, sections 5.1
# and 5.7); the app's client of an own user pool can write none of them but the name.
SELF_WRITTEN_CLAIMS_OF_ISSUERS = (
    *SELF_WRITTEN_CLAIMS,
    "address",
    "birthdate",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "nickname",
    "picture",
    "preferred_username",
    "profile",
    "website",
    "zoneinfo",
)

# The start_call function's own timeout; a shorter lease would let a second start pass a running first one.
START_CALL_TIMEOUT_SECONDS = 26

# Of the numbers of days that CloudWatch Logs takes (PutRetentionPolicy), those that policies name.
LOG_RETENTION_DAYS = (1, 7, 14, 30, 60, 90, 180, 365, 731, 1827, 3653)

# Bytes of what start_call is told in lists and tables. All variables of a function take 4,096, counted as one
# text of JSON (AWS Lambda developer guide, "Lambda quotas"; the error of a deployment shows the "String
# measured"). The rest has some 1,150 in a template with a SIP bridge, where environment and Region have the
# longest names and numbers the most digits: tests/infra/test_configuration.py.
_MOST_TOLD = 2_850

_DEFAULT_CONTACT_FLOW = "inbound"

# Where calls that come over the SIP bridge arrive: no flow that a call could choose.
_BRIDGE_CONTACT_FLOW = "bridge"
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_TOPIC_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

# The start takes up to 26 s, Connect rings for up to 30 s, and a code takes some ten seconds to be sent; the
# rest is room.
_LEAST_BRIDGED_REFERENCE_SECONDS = 120
_E164 = re.compile(r"\+[1-9]\d{1,14}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_HOST_NAME = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_SIP_HEADER = re.compile(r"[xX]-[A-Za-z0-9-]{1,62}")
_MOST_SIP_HEADERS = 10
_MOST_ROUTES = 20
_ENVIRONMENT_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, kw_only=True)
class AdoptedInstance:
    """An Amazon Connect instance that exists already; the queues are None where every flow is adopted."""

    instance_arn: str
    verified_queue_arn: str | None
    unverified_queue_arn: str | None


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """An Amazon Connect instance that the Calling stack creates, with hours of operation and two queues."""

    instance_alias: str


@dataclass(frozen=True, kw_only=True)
class AdoptedContactFlow:
    """A published contact flow of the adopted instance."""

    arn: str


@dataclass(frozen=True, kw_only=True)
class OwnContactFlow:
    """A contact flow that the Calling stack creates from `infra/contact_flows/<name>.json`."""

    name: str


ContactFlow = AdoptedContactFlow | OwnContactFlow


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """The account's quotas of Connect's API: requests a second, and the burst above it.

    `call_control_…` is the least of StopContact's, CreateParticipant's and those of the participant service:
    CreateParticipant's, unless they were raised.
    """

    start_webrtc_contact_rate: int
    start_webrtc_contact_burst: int
    call_control_rate: int
    call_control_burst: int


@dataclass(frozen=True, kw_only=True)
class Connect:
    """Where calls go: the instance, the default flow, the flow of each topic, the quota."""

    instance: AdoptedInstance | Sandbox
    contact_flow: ContactFlow
    topics: Mapping[str, ContactFlow]
    quotas: Quotas


@dataclass(frozen=True, kw_only=True)
class Calls:
    """The life of a call's record, in seconds, and how many calls one user may start: in a window, and in 24
    hours.
    """

    replay_seconds: int
    reference_seconds: int
    start_lease_seconds: int
    longest_call_seconds: int
    starts_per_window: int
    window_seconds: int
    starts_per_day: int


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """Contact attributes: names that the caller may set, and claims that become trusted ones."""

    from_caller: tuple[str, ...]
    from_claims: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a call may use beside audio."""

    video: bool
    screen_share: bool


@dataclass(frozen=True, kw_only=True)
class Api:
    """Browser origins that may call the API (none: no CORS); how often it may be asked.

    `status_rate` and `status_burst` are for reading calls' states, requests a second and at once.
    """

    allowed_origins: tuple[str, ...]
    status_rate: int
    status_burst: int
    requests_per_ip_per_5_minutes: int
    starts_per_ip_per_5_minutes: int


@dataclass(frozen=True, kw_only=True)
class Functions:
    """Settings of each Lambda function; days of retention hold for every log group of the stack."""

    reserved_concurrency: int
    """Executions at once of each function that callers, contact flows or the SIP bridge wait for."""
    event_concurrency: int
    """Batches of contact events that are handled at once, and so the executions of that function."""
    memory_mib: int
    log_retention_days: int
    snap_start: bool
    """Whether those that somebody waits for start from a snapshot (Lambda SnapStart)."""


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """Who is told: an address that is subscribed to the alarms' topic, or None."""

    email: str | None


@dataclass(frozen=True, kw_only=True)
class AdoptedCallerNumber:
    """A phone number of the account's Amazon Chime SDK inventory, for SIP media applications; E.164."""

    number: str


@dataclass(frozen=True, kw_only=True)
class OrderedCallerNumber:
    """A phone number that the SipBridge stack orders; `type` is Local or TollFree."""

    country: str
    type: str


@dataclass(frozen=True, kw_only=True)
class AdoptedConnectNumber:
    """A phone number that is claimed to the Connect instance already; `number` is E.164."""

    arn: str
    number: str


@dataclass(frozen=True, kw_only=True)
class ClaimedConnectNumber:
    """A phone number that the Calling stack claims; `type` is DID or TOLL_FREE."""

    country: str
    type: str


@dataclass(frozen=True, kw_only=True)
class AdoptedVoiceConnector:
    """A Voice Connector that exists already, and whose settings are somebody else's."""

    arn: str


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where the Voice Connector sends calls: a SIP host. The lowest priority is tried first."""

    host: str
    port: int
    protocol: str
    priority: int
    weight: int


@dataclass(frozen=True, kw_only=True)
class OwnVoiceConnector:
    """A Voice Connector that the SipBridge stack creates.

    The SIP host sends calls on from `termination_cidrs`, to `calling_regions` alone, with credentials from
    Secrets Manager; a higher `credentials_version` hands over what the secret then holds.
    """

    require_encryption: bool
    calls_per_second: int
    calling_regions: tuple[str, ...]
    termination_cidrs: tuple[str, ...]
    credentials_version: int
    sip_message_logs: bool
    routes: tuple[Route, ...]


@dataclass(frozen=True, kw_only=True)
class SipBridge:
    """How calls reach Connect over SIP instead of by StartWebRTCContact.

    Rates are quotas of the Amazon Chime SDK, requests a second, and the bursts above them. `headers` maps
    attributes that callers may set to the SIP headers that carry them to the SIP host.
    """

    call_rate: int
    call_burst: int
    control_rate: int
    control_burst: int
    caller_number: AdoptedCallerNumber | OrderedCallerNumber
    connect_number: AdoptedConnectNumber | ClaimedConnectNumber
    voice_connector: AdoptedVoiceConnector | OwnVoiceConnector
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """All values of one environment; without `sip_bridge` there is none."""

    environment: str
    account: str
    region: str
    connect: Connect
    calls: Calls
    attributes: Attributes
    capabilities: Capabilities
    identity: Identity
    api: Api
    functions: Functions
    alarms: Alarms
    sip_bridge: SipBridge | None


def environments(checkout: Path) -> list[str]:
    """The names of the environments that have a file under `checkout/config`, sorted."""
    return sorted(path.stem for path in (checkout / "config").glob("*.toml"))


def load(checkout: Path, environment: object) -> Configuration:
    """The checked configuration of one environment.

    In: the checkout's root, and the environment's name as it was given (None where it was not).
    Raises ConfigurationError.
    """
    known = environments(checkout)
    if environment not in known or not isinstance(environment, str):
        raise ConfigurationError(
            "ENV=… or -c environment=…",
            "environment",
            environment,
            f"one of: {', '.join(known)} (the files of config/), as in: make … ENV={known[0]}, or: "
            f"cdk … -c environment={known[0]}"
            if known
            else "write config/<environment>.toml first",
        )
    file = f"config/{environment}.toml"
    if not _ENVIRONMENT_NAME.fullmatch(environment):
        raise ConfigurationError(
            file,
            "",
            environment,
            "name the file with at most 32 lower-case letters, digits and hyphens, a letter first: "
            "the name becomes part of stack names",
        )
    try:
        values = tomllib.loads((checkout / file).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(file, "", str(error), "make it valid TOML 1.0 in UTF-8") from error
    flow_names = sorted(
        path.stem
        for path in (checkout / "infra" / "contact_flows").glob("*.json")
        if path.stem != _BRIDGE_CONTACT_FLOW
    )
    return _configuration(Section(file, "", values), environment, flow_names, checkout)


def _configuration(root: Section, environment: str, flow_names: list[str], checkout: Path) -> Configuration:
    account = root.text(
        "account", 'the 12 digits of the AWS account, in quotes: "111122223333"', matches(r"\d{12}")
    )
    region = root.text(
        "region",
        f"a Region with in-app calling: {', '.join(IN_APP_CALLING_REGIONS)}",
        lambda value: value in IN_APP_CALLING_REGIONS,
    )
    connect = _connect(root.section("connect"), account, region, flow_names)
    identity = read_identity(
        root.section("identity"),
        account=account,
        region=region,
        topics=connect.topics,
        checkout=checkout,
    )
    _check_ways_around(root.section("identity").section("authentication"), connect, identity)
    attributes = _attributes(root.section("attributes"), identity.source)
    sip_bridge = _sip_bridge(root, account, region, connect.instance, attributes)
    configuration = Configuration(
        environment=environment,
        account=account,
        region=region,
        connect=connect,
        calls=_calls(root.section("calls"), bridged=sip_bridge is not None),
        attributes=attributes,
        capabilities=_capabilities(root.section("capabilities"), bridged=sip_bridge is not None),
        identity=identity,
        api=_api(root.section("api")),
        functions=_functions(root.section("functions"), connect.quotas, sip_bridge),
        alarms=_alarms(root.section("alarms")),
        sip_bridge=sip_bridge,
    )
    _check_told(root, configuration)
    root.refuse_unknown_keys()
    return configuration


def _check_told(root: Section, configuration: Configuration) -> None:
    """Refuses more than the environment variables of start_call can hold, as `CallingStack` fills them."""
    identity, attributes, bridge = configuration.identity, configuration.attributes, configuration.sip_bridge
    # Flows that the stack makes have ARNs of the same length as those of the instance.
    uuid = "0" * 36
    flow_arn = (
        f"arn:aws:connect:{configuration.region}:{configuration.account}:instance/{uuid}/contact-flow/{uuid}"
    )
    told: dict[tuple[str, str], Sized] = {
        ("connect", "topics"): dict.fromkeys(configuration.connect.topics, flow_arn),
        ("attributes", "from_caller"): attributes.from_caller,
        ("attributes", "from_claims"): attributes.from_claims,
        ("identity", "display_name_claim"): identity.display_name_claim,
        ("identity", "authentication"): {
            topic: asdict(rule) for topic, rule in identity.authentication.items()
        },
        ("api", "allowed_origins"): configuration.api.allowed_origins,
        ("sip_bridge", "headers"): bridge.headers if bridge is not None else {},
    }
    # JSON within the JSON that is counted.
    sizes = {place: len(json.dumps(json.dumps(value))) for place, value in told.items()}
    total = sum(sizes.values())
    if total > _MOST_TOLD:
        table, key = largest = max(sizes, key=lambda place: sizes[place])
        root.section(table).fail(
            key,
            f"remove some, or shorten names: these {len(told[largest])} take {sizes[largest]} of {total} "
            f"bytes, and Lambda's 4 KB of environment variables leave start_call {_MOST_TOLD} for all of "
            + ", ".join(f"{table}.{key}" for table, key in told),
        )


def _check_ways_around(section: Section, connect: Connect, identity: Identity) -> None:
    """Refuses a rule of signing in for a topic whose contact flow can be had by another rule: callers choose
    the topic.
    """
    rules = identity.authentication
    flows = {"": connect.contact_flow, **connect.topics}
    for topic, rule in rules.items():
        for other, flow in flows.items():
            if flow == flows[topic] and rules.get(other, rules.get("")) != rule:
                section.fail(
                    "topics",
                    f"the same rule for {topic or 'calls without a topic'!r} and "
                    f"{other or 'calls without a topic'!r}, or another contact flow for one of them: both "
                    "lead to the same, so callers could choose the weaker rule",
                )


def _connect(section: Section, account: str, region: str, flow_names: list[str]) -> Connect:
    adopted, created = section.has("instance_arn"), section.has("sandbox")
    if adopted and created:
        section.fail("instance_arn", "either an existing instance, or [connect.sandbox]: remove one")
    if not adopted and not created:
        section.fail(
            "instance_arn",
            f'the ARN of your instance: "{_instance_example(account, region)}"; '
            "or [connect.sandbox] with an instance_alias to create one",
        )
    instance_arn = None if created else _instance_arn(section, account, region)

    contact_flow: ContactFlow = OwnContactFlow(name=_DEFAULT_CONTACT_FLOW)
    if section.has("contact_flow_arn"):
        contact_flow = AdoptedContactFlow(
            arn=_arn_within(section, "contact_flow_arn", instance_arn, "contact-flow")
        )
    topics = _topics(section.section("topics"), instance_arn, flow_names)
    flows = (contact_flow, *topics.values())
    own_flows = [flow.name for flow in flows if isinstance(flow, OwnContactFlow)]

    instance: AdoptedInstance | Sandbox
    if instance_arn is None:
        sandbox = section.section("sandbox")
        instance = Sandbox(
            instance_alias=sandbox.text(
                "instance_alias",
                "1 to 45 letters, digits and inner hyphens, not used by any other Connect instance "
                "in the world",
                matches(r"(?!d-)[A-Za-z0-9]([A-Za-z0-9-]{0,43}[A-Za-z0-9])?"),
            )
        )
        sandbox.refuse_unknown_keys()
    else:
        instance = AdoptedInstance(
            instance_arn=instance_arn,
            verified_queue_arn=_queue_arn(section, "verified_queue_arn", instance_arn, own_flows),
            unverified_queue_arn=_queue_arn(section, "unverified_queue_arn", instance_arn, own_flows),
        )

    quotas = section.section("quotas")
    read_quotas = Quotas(
        start_webrtc_contact_rate=quotas.number(
            "start_webrtc_contact_rate",
            1,
            10_000,
            "requests a second; AWS gives 2 unless your quota was raised",
        ),
        start_webrtc_contact_burst=quotas.number(
            "start_webrtc_contact_burst", 1, 5_000, "requests; AWS gives 5 unless your quota was raised"
        ),
        call_control_rate=quotas.number(
            "call_control_rate",
            1,
            10_000,
            "requests a second; AWS gives 5 of CreateParticipant unless your quota was raised",
        ),
        call_control_burst=quotas.number(
            "call_control_burst",
            1,
            5_000,
            "requests; AWS gives 8 of CreateParticipant unless your quota was raised",
        ),
    )
    quotas.refuse_unknown_keys()
    section.refuse_unknown_keys()
    return Connect(instance=instance, contact_flow=contact_flow, topics=topics, quotas=read_quotas)


def _instance_example(account: str, region: str) -> str:
    return f"arn:aws:connect:{region}:{account}:instance/<uuid>"


def _instance_arn(section: Section, account: str, region: str) -> str:
    value = section.text(
        "instance_arn",
        f'the ARN of a Connect instance: "{_instance_example(account, region)}" '
        "(Amazon Connect console, the instance's account overview)",
        matches(rf"arn:aws:connect:[a-z0-9-]+:\d{{12}}:instance/{UUID}"),
    )
    _, _, _, instance_region, instance_account, _ = value.split(":")
    if instance_region != region:
        section.fail(
            "instance_arn",
            f"the instance is in {instance_region} but region is {region!r}: "
            "stacks and instance share one Region",
        )
    if instance_account != account:
        section.fail(
            "instance_arn",
            f"the instance belongs to account {instance_account} but account is {account!r}: "
            "deploy into the instance's account",
        )
    return value


def _arn_within(section: Section, key: str, instance_arn: str | None, kind: str) -> str:
    if instance_arn is None:
        section.fail(key, f"a sandbox has no {kind} yet: remove the key, or name an instance_arn")
    return section.text(
        key,
        f'the ARN of a {kind} of this instance: "{instance_arn}/{kind}/<uuid>"',
        matches(f"{re.escape(instance_arn)}/{kind}/{UUID}"),
    )


def _queue_arn(section: Section, key: str, instance_arn: str, own_flows: list[str]) -> str | None:
    if own_flows:
        return _arn_within(section, key, instance_arn, "queue")
    if section.has(key):
        section.fail(
            key, "remove it: every contact flow is adopted, and an adopted flow names its own queues"
        )
    return None


def _topics(section: Section, instance_arn: str | None, flow_names: list[str]) -> dict[str, ContactFlow]:
    topics: dict[str, ContactFlow] = {}
    for topic, value in section.mapping_items():
        if not _TOPIC_NAME.fullmatch(topic):
            section.fail(topic, "name a topic with 1 to 64 of A-Z a-z 0-9 _ -")
        if value.startswith("arn:"):
            topics[topic] = AdoptedContactFlow(arn=_arn_within(section, topic, instance_arn, "contact-flow"))
        elif value in flow_names:
            topics[topic] = OwnContactFlow(name=value)
        else:
            section.fail(
                topic,
                "the ARN of a contact flow of the instance, or the name of a file of infra/contact_flows: "
                + ", ".join(flow_names),
            )
    return topics


def _calls(section: Section, *, bridged: bool) -> Calls:
    calls = Calls(
        replay_seconds=section.number(
            "replay_seconds", 1, 3_600, "seconds in which a repeat gets the same call"
        ),
        reference_seconds=section.number(
            "reference_seconds", 10, 3_600, "seconds in which the contact flow may present the reference"
        ),
        start_lease_seconds=section.number(
            "start_lease_seconds",
            START_CALL_TIMEOUT_SECONDS + 1,
            300,
            "seconds after which a start that never ended is given up; longer than the function may run",
        ),
        longest_call_seconds=section.number(
            "longest_call_seconds",
            60,
            86_400,
            "seconds after which a call that no event ended counts as over",
        ),
        starts_per_window=section.number("starts_per_window", 1, 100, "calls of one user in a window"),
        window_seconds=section.number("window_seconds", 1, 86_400, "seconds"),
        starts_per_day=section.number("starts_per_day", 1, 100, "calls of one user in 24 hours"),
    )
    if calls.starts_per_day < calls.starts_per_window:
        section.fail(
            "starts_per_day",
            f"at least starts_per_window ({calls.starts_per_window}): a window is no longer than a day",
        )
    if bridged and calls.reference_seconds < _LEAST_BRIDGED_REFERENCE_SECONDS:
        section.fail(
            "reference_seconds",
            f"at least {_LEAST_BRIDGED_REFERENCE_SECONDS}: over the SIP bridge a call starts, rings and "
            "sends its code before the contact flow presents the reference; or remove [sip_bridge]",
        )
    section.refuse_unknown_keys()
    return calls


def _attributes(section: Section, source: UserPool | Issuer) -> Attributes:
    name_fix = "names of 1 to 128 of A-Z a-z 0-9 _ -"
    from_caller = section.texts("from_caller", f"a list of {name_fix}", matches(_ATTRIBUTE_NAME))
    claims = section.section("from_claims")
    from_claims: dict[str, str] = {}
    taken = {name.lower(): "is a trusted attribute" for name in TRUSTED_ATTRIBUTES}

    # Connect's names are case-sensitive, an agent's eye is not.
    for name in from_caller:
        if name.lower() in taken:
            section.fail(
                "from_caller", f"{name!r} {taken[name.lower()]}: a caller may not set it, rename or remove it"
            )
        taken[name.lower()] = "is in from_caller already"
    self_written = SELF_WRITTEN_CLAIMS_OF_ISSUERS if isinstance(source, Issuer) else SELF_WRITTEN_CLAIMS
    for claim, name in claims.mapping_items():
        if claim in self_written:
            claims.fail(claim, "users write this claim themselves, so it proves nothing: map another")
        if isinstance(source, Issuer) and not is_claim_of_issuer(claim):
            claims.fail(claim, CLAIM_OF_ISSUER)
        if isinstance(source, UserPool) and not is_claim_of_user_pool(claim, source):
            claims.fail(claim, custom_claim_fix(claim))
        if not _ATTRIBUTE_NAME.fullmatch(name):
            claims.fail(claim, f"{name_fix}; a claim such as custom:plan needs a name without the colon")
        if name.lower() in taken:
            claims.fail(claim, f"{name!r} {taken[name.lower()]}: choose another name")
        taken[name.lower()] = "is the attribute of another claim already"
        from_claims[claim] = name
    section.refuse_unknown_keys()
    return Attributes(from_caller=from_caller, from_claims=from_claims)


def _capabilities(section: Section, *, bridged: bool) -> Capabilities:
    capabilities = Capabilities(video=section.switch("video"), screen_share=section.switch("screen_share"))
    if bridged:
        for name, allowed in (("video", capabilities.video), ("screen_share", capabilities.screen_share)):
            if allowed:
                section.fail(name, "false: a telephone call carries sound alone; or remove [sip_bridge]")
    section.refuse_unknown_keys()
    return capabilities


def _api(section: Section) -> Api:
    api = Api(
        allowed_origins=section.texts(
            "allowed_origins",
            'origins without a path, "https://app.example.com" or "http://localhost:3000"; [] for none',
            matches(r"https://[a-z0-9.-]+(:\d{1,5})?|http://localhost(:\d{1,5})?"),
        ),
        status_rate=section.number("status_rate", 1, 10_000, "reads of calls' states a second"),
        status_burst=section.number("status_burst", 1, 5_000, "reads of calls' states at once"),
        requests_per_ip_per_5_minutes=section.number(
            "requests_per_ip_per_5_minutes", 10, 2_000_000_000, "requests; AWS WAF takes no fewer than 10"
        ),
        starts_per_ip_per_5_minutes=section.number(
            "starts_per_ip_per_5_minutes",
            10,
            2_000_000_000,
            "requests to start a call; AWS WAF takes no fewer than 10",
        ),
    )
    if api.starts_per_ip_per_5_minutes > api.requests_per_ip_per_5_minutes:
        section.fail(
            "starts_per_ip_per_5_minutes",
            f"at most requests_per_ip_per_5_minutes ({api.requests_per_ip_per_5_minutes}), which would be "
            "reached before it",
        )
    section.refuse_unknown_keys()
    return api


def _functions(section: Section, quotas: Quotas, sip_bridge: SipBridge | None) -> Functions:
    if sip_bridge is None:
        start_burst, start_key = quotas.start_webrtc_contact_burst, "start_webrtc_contact_burst"
    else:
        start_burst, start_key = sip_bridge.call_burst, "sip_bridge.call_burst"
    functions = Functions(
        reserved_concurrency=section.number(
            "reserved_concurrency",
            max(start_burst, quotas.call_control_burst),
            1_000,
            f"executions at once of each function; at least {start_key} and "
            "call_control_burst, so that the gateway throttles before Lambda does",
        ),
        # AWS Lambda developer guide, "Configuring scaling behavior for SQS event source mappings".
        event_concurrency=section.number(
            "event_concurrency",
            2,
            1_000,
            "batches of contact events at once; Lambda takes no fewer from a queue, and no more",
        ),
        memory_mib=section.number("memory_mib", 128, 10_240, "MiB of each function"),
        log_retention_days=section.number("log_retention_days", 1, 3_653, "days"),
        snap_start=section.switch("snap_start"),
    )
    if functions.log_retention_days not in LOG_RETENTION_DAYS:
        section.fail(
            "log_retention_days",
            f"one of: {', '.join(map(str, LOG_RETENTION_DAYS))}",
        )
    section.refuse_unknown_keys()
    return functions


def _alarms(section: Section) -> Alarms:
    email = (
        section.text("email", 'an address: "on-call@example.com"', matches(r"[^@\s]+@[^@\s]+\.[^@\s]+"))
        if section.has("email")
        else None
    )
    section.refuse_unknown_keys()
    return Alarms(email=email)


def _sip_bridge(
    root: Section, account: str, region: str, instance: AdoptedInstance | Sandbox, attributes: Attributes
) -> SipBridge | None:
    if not root.has("sip_bridge"):
        return None
    section = root.section("sip_bridge")
    voice_connector = section.section("voice_connector")
    if region not in SIP_MEDIA_APPLICATION_REGIONS:
        both = ", ".join(name for name in SIP_MEDIA_APPLICATION_REGIONS if name in IN_APP_CALLING_REGIONS)
        root.fail("region", f"a Region with SIP media applications: {both}; or remove [sip_bridge]")
    bridge = SipBridge(
        call_rate=section.number(
            "call_rate",
            1,
            10_000,
            "calls a second; AWS gives 1 of CreateSipMediaApplicationCall unless your quota was raised",
        ),
        call_burst=section.number(
            "call_burst", 1, 5_000, "calls at once; AWS documents no burst above the rate"
        ),
        control_rate=section.number(
            "control_rate",
            1,
            10_000,
            "requests a second; AWS gives 5 of UpdateSipMediaApplicationCall unless your quota was raised",
        ),
        control_burst=section.number(
            "control_burst", 1, 5_000, "requests at once; AWS documents no burst above the rate"
        ),
        caller_number=_caller_number(section.section("caller_number"), region),
        connect_number=_connect_number(section.section("connect_number"), account, region, instance),
        voice_connector=_voice_connector(voice_connector, account, region),
        headers=_headers(section.section("headers"), attributes),
    )
    connector = bridge.voice_connector
    if isinstance(connector, OwnVoiceConnector) and connector.sip_message_logs and bridge.headers:
        voice_connector.fail(
            "sip_message_logs",
            "false: the log would hold whole SIP messages, and so the attributes of callers that "
            "[sip_bridge.headers] sends; or remove those",
        )
    section.refuse_unknown_keys()
    return bridge


def _caller_number(section: Section, region: str) -> AdoptedCallerNumber | OrderedCallerNumber:
    number: AdoptedCallerNumber | OrderedCallerNumber
    if section.has("number"):
        number = AdoptedCallerNumber(number=_e164(section, "number"))
    else:
        number = OrderedCallerNumber(
            country=section.text(
                "country",
                'where to order a number, as two capital letters: "US"; '
                "or the number of your Amazon Chime SDK inventory to use: number",
                matches(_COUNTRY),
            ),
            type=section.text("type", '"Local" or "TollFree"', matches("Local|TollFree")),
        )
        if region not in CHIME_PHONE_NUMBER_REGIONS:
            section.fail(
                "country",
                f"numbers are ordered in {' and '.join(CHIME_PHONE_NUMBER_REGIONS)} alone, and region is "
                f"{region!r}: name a number that you have",
            )
    section.refuse_unknown_keys()
    return number


def _connect_number(
    section: Section, account: str, region: str, instance: AdoptedInstance | Sandbox
) -> AdoptedConnectNumber | ClaimedConnectNumber:
    number: AdoptedConnectNumber | ClaimedConnectNumber
    if section.has("arn"):
        if isinstance(instance, Sandbox):
            section.fail("arn", "a sandbox has no number yet: claim one by country and type")
        pattern = f"arn:aws:connect:{region}:{account}:phone-number/"
        number = AdoptedConnectNumber(
            arn=section.text(
                "arn",
                f'the ARN of a number that is claimed to the instance: "{pattern}<uuid>"',
                matches(re.escape(pattern) + UUID),
            ),
            number=_e164(section, "number"),
        )
    else:
        number = ClaimedConnectNumber(
            country=section.text(
                "country",
                'where to claim a number, as two capital letters: "US"; '
                "or arn and number of one that the instance has",
                matches(_COUNTRY),
            ),
            type=section.text("type", '"DID" or "TOLL_FREE"', matches("DID|TOLL_FREE")),
        )
    section.refuse_unknown_keys()
    return number


def _e164(section: Section, key: str) -> str:
    return section.text(key, 'a phone number in E.164: "+12065550100"', matches(_E164))


def _voice_connector(
    section: Section, account: str, region: str
) -> AdoptedVoiceConnector | OwnVoiceConnector:
    connector: AdoptedVoiceConnector | OwnVoiceConnector
    if section.has("arn"):
        pattern = f"arn:aws:chime:{region}:{account}:vc/"
        connector = AdoptedVoiceConnector(
            arn=section.text(
                "arn",
                f'the ARN of a Voice Connector of this account and Region: "{pattern}<id>"',
                matches(re.escape(pattern) + "[a-z0-9]+"),
            )
        )
    else:
        require_encryption = section.switch("require_encryption")
        connector = OwnVoiceConnector(
            require_encryption=require_encryption,
            calls_per_second=section.number(
                "calls_per_second", 1, 1_000, "calls a second; AWS gives 1 unless your quota was raised"
            ),
            calling_regions=section.texts(
                "calling_regions",
                'a list of countries that the SIP host may call, as two capital letters: ["US"]',
                matches(_COUNTRY),
                least=1,
            ),
            termination_cidrs=_termination_cidrs(section),
            credentials_version=section.number(
                "credentials_version",
                1,
                1_000_000,
                "raise it after the secret was changed, to hand its credentials to the Voice Connector",
            ),
            sip_message_logs=section.switch("sip_message_logs"),
            routes=tuple(
                _route(route, require_encryption=require_encryption)
                for route in section.sections("routes", _MOST_ROUTES)
            ),
        )
    section.refuse_unknown_keys()
    return connector


def _termination_cidrs(section: Section) -> tuple[str, ...]:
    key = "termination_cidrs"
    fix = 'a list of the public IPv4 networks that the SIP host calls from, /27 to /32: ["<address>/32"]'
    cidrs = section.texts(key, fix, bool, least=1)
    for cidr in cidrs:
        try:
            network = ipaddress.IPv4Network(cidr)
        except ValueError as error:
            section.fail(key, f"{error}; {fix}")
        if cidr != str(network):
            section.fail(key, f"{cidr!r} is written {str(network)!r}; {fix}")
        if network.prefixlen < 27:
            section.fail(key, f"{cidr!r} is wider than /27; {fix}")
        if not _is_public(network):
            section.fail(key, f"{cidr!r} is {_PRIVATE}; {fix}")
    return cidrs


_PRIVATE = "private, reserved or for documentation, and not to be reached over the internet"


def _is_public(place: ipaddress.IPv4Address | ipaddress.IPv4Network) -> bool:
    # To Python a multicast address is a global one.
    return place.is_global and not place.is_multicast


def _route(section: Section, *, require_encryption: bool) -> Route:
    route = Route(
        host=_host(section),
        port=section.number("port", 1, 65_535, "the port that the SIP host listens on"),
        protocol=section.text("protocol", '"TCP" or "UDP"', matches("TCP|UDP")),
        priority=section.number("priority", 1, 100, "the route of the lowest number is tried first"),
        weight=section.number("weight", 1, 100, "its share of the calls among routes of one priority"),
    )
    if require_encryption and route.protocol != "TCP":
        section.fail("protocol", '"TCP": require_encryption is true, and encrypted SIP knows no other')
    section.refuse_unknown_keys()
    return route


def _host(section: Section) -> str:
    fix = 'a public IPv4 address, or a domain name: "sip.example.com"'
    host = section.text("host", fix, bool)
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        if not _HOST_NAME.fullmatch(host):
            section.fail("host", fix)
    else:
        if not _is_public(address):
            section.fail("host", f"{host!r} is {_PRIVATE}; {fix}")
    return host


def _headers(section: Section, attributes: Attributes) -> dict[str, str]:
    headers: dict[str, str] = {}
    taken: set[str] = set()
    for attribute, header in section.mapping_items():
        if attribute not in attributes.from_caller:
            section.fail(
                attribute,
                "one of the attributes.from_caller: "
                + (", ".join(attributes.from_caller) or "there are none, so remove it"),
            )
        if not _SIP_HEADER.fullmatch(header):
            section.fail(attribute, 'a SIP header of at most 64 of A-Z a-z 0-9 -, beginning with "x-"')
        if header.lower().startswith(RESERVED_SIP_HEADERS):
            section.fail(
                attribute,
                f"another header: AWS keeps those that begin with {', '.join(RESERVED_SIP_HEADERS)}",
            )
        if header.lower() in taken:
            section.fail(attribute, "another header: it is that of another attribute already")
        taken.add(header.lower())
        headers[attribute] = header
        if len(headers) > _MOST_SIP_HEADERS:
            section.fail(attribute, f"remove it: at most {_MOST_SIP_HEADERS} headers travel with a call")
    return headers
