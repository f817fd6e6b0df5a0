"""Every quota, price and assumption that the calculator uses: its value, where it is from and of when.

Quotas are the values that AWS gives a new account; prices are list prices in US dollars, without tax, free
tiers and volume discounts. Both are those of `REGION`, where they differ by Region.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

REGION = "eu-west-2"


class Trust(StrEnum):
    """How sure a figure is."""

    READ = "read"
    """Read in AWS's documentation, or quoted by others from its price list with the date of the list."""
    QUOTED = "quoted by others, check"
    MEMORY = "from memory, check"


class Scope(StrEnum):
    """What a limit is one for."""

    INSTANCE = "instance"
    ENVIRONMENT = "environment"
    """Of this app: an API, its functions and its table."""
    REGION = "account and Region"


@dataclass(frozen=True, kw_only=True)
class Quota:
    """A limit; with a `burst` it is a token bucket of `value` requests a second."""

    name: str
    scope: Scope
    value: float
    burst: int | None = None
    unit: str
    raised: str
    """Whether it can be raised, and by whom."""
    source: str
    of: date | None = None
    """When it was read; None for what this checkout holds."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """What one unit costs."""

    usd: float
    unit: str
    source: str
    of: date
    """When the price list was published, or the page was read."""
    trust: Trust = Trust.READ


_READ_ON = date(2026, 11, 23)
_BY_REQUEST = "yes"
_CONNECT_GUIDE = 'Amazon Connect administrator guide, "Service quotas"'


def _connect(name: str, scope: Scope, value: float, unit: str, burst: int | None = None) -> Quota:
    return Quota(
        name=name,
        scope=scope,
        value=value,
        burst=burst,
        unit=unit,
        raised=_BY_REQUEST,
        source=_CONNECT_GUIDE,
        of=_READ_ON,
    )


CONCURRENT_CALLS = _connect("Connect: concurrent active calls", Scope.INSTANCE, 10, "calls")
USERS = _connect("Connect: users", Scope.INSTANCE, 500, "users")
# Not in the guide's list of exceptions, so the default of all operations.
START_WEBRTC_CONTACT = _connect("Connect: StartWebRTCContact", Scope.REGION, 2, "a second", 5)
STOP_CONTACT = _connect("Connect: StopContact", Scope.REGION, 10, "a second", 15)
CREATE_PARTICIPANT = _connect("Connect: CreateParticipant", Scope.REGION, 5, "a second", 8)
CREATE_PARTICIPANT_CONNECTION = _connect(
    "Participant service: CreateParticipantConnection", Scope.INSTANCE, 6, "a second", 9
)
SEND_MESSAGE = _connect("Participant service: SendMessage", Scope.INSTANCE, 10, "a second", 15)

LAMBDA_CONCURRENCY = Quota(
    name="Lambda: concurrent executions, 100 of them unreserved",
    scope=Scope.REGION,
    value=1_000,
    unit="executions",
    raised="yes, to tens of thousands",
    source='AWS Lambda developer guide, "Lambda quotas"',
    of=_READ_ON,
)
LAMBDA_UNRESERVED = 100
"""Executions that reserved concurrency must leave to the account."""

TABLE_WRITES = Quota(
    name="DynamoDB: writes to a table on demand",
    scope=Scope.ENVIRONMENT,
    value=40_000,
    unit="units a second",
    raised=_BY_REQUEST,
    source='Amazon DynamoDB developer guide, "Quotas"',
    of=_READ_ON,
)
NEW_TABLE_WRITES = Quota(
    name="DynamoDB: writes to a new table, before it has grown",
    scope=Scope.ENVIRONMENT,
    value=4_000,
    unit="units a second",
    raised="by warm throughput",
    source='Amazon DynamoDB developer guide, "Understanding DynamoDB warm throughput"',
    of=_READ_ON,
)
API_REQUESTS = Quota(
    name="API Gateway: requests",
    scope=Scope.REGION,
    value=10_000,
    burst=5_000,
    unit="a second",
    raised=_BY_REQUEST,
    source='Amazon API Gateway developer guide, "Quotas"',
    of=_READ_ON,
)
EVENT_INVOCATIONS = Quota(
    name="EventBridge: invocations (more are delayed)",
    scope=Scope.REGION,
    value=2_250,
    unit="a second",
    raised=_BY_REQUEST,
    source='Amazon EventBridge user guide, "Quotas", eu-west-2',
    of=_READ_ON,
)
KMS_REQUESTS = Quota(
    name="KMS: symmetric cryptographic requests",
    scope=Scope.REGION,
    value=20_000,
    unit="a second",
    raised=_BY_REQUEST,
    source='AWS KMS developer guide, "Request quotas", eu-west-2',
    of=_READ_ON,
)
PARAMETER_READS = Quota(
    name="Parameter Store: GetParameter",
    scope=Scope.REGION,
    value=40,
    unit="a second",
    raised="yes, paid: higher throughput",
    source='AWS General Reference, "AWS Systems Manager endpoints and quotas"',
    of=_READ_ON,
)
SIGN_INS = Quota(
    name="Cognito: UserAuthentication (sign-ins, refreshed tokens)",
    scope=Scope.REGION,
    value=120,
    unit="a second",
    raised="yes, paid",
    source='Amazon Cognito developer guide, "Quotas"',
    of=_READ_ON,
)

EVENT_BATCHES = Quota(
    name="contact_events: batches at once, Lambda's least",
    scope=Scope.ENVIRONMENT,
    value=2,
    unit="executions",
    raised="by functions.event_concurrency, to 1,000",
    source="infra/config.py, the least of functions.event_concurrency",
)
RESERVED_CONCURRENCY = Quota(
    name="functions.reserved_concurrency: executions of a function",
    scope=Scope.ENVIRONMENT,
    value=1_000,
    unit="executions",
    raised="in infra/config.py",
    source="infra/config.py",
)

_PRICE_LIST = "AWS Price List, {}, eu-west-2"


def _listed(usd: float, unit: str, service: str, of: date) -> Price:
    return Price(usd=usd, unit=unit, source=_PRICE_LIST.format(service), of=of)


CONNECT_VOICE = Price(
    usd=0.038,
    unit="minute",
    source="Amazon Connect pricing page, voice with the AI features included; may differ by Region",
    of=date(2026, 10, 7),
)
CONNECT_IN_APP = Price(
    usd=0.010,
    unit="minute",
    source="Amazon Connect pricing page, in-app and web calling, beside voice",
    of=_READ_ON,
    trust=Trust.MEMORY,
)
LAMBDA_REQUEST = _listed(0.20e-6, "request", "AWSLambda", date(2026, 10, 1))
LAMBDA_GB_SECOND = _listed(0.0000133334, "GB-second", "AWSLambda, arm64", date(2026, 10, 1))
API_REQUEST = _listed(3.50e-6, "request", "AmazonApiGateway", date(2026, 9, 5))
TABLE_WRITE = _listed(0.7423e-6, "write unit", "AmazonDynamoDB", date(2026, 6, 8))
TABLE_READ = _listed(0.1487e-6, "read unit", "AmazonDynamoDB", date(2026, 6, 8))
QUEUE_REQUEST = _listed(0.40e-6, "request", "AWSQueueService", date(2026, 9, 11))
KEY_REQUEST = _listed(3.0e-6, "request", "awskms", date(2026, 9, 11))
KEY = _listed(1.0, "key", "awskms", date(2026, 9, 11))
LOG_INGESTED = _listed(0.5985, "GB", "AmazonCloudWatch", date(2026, 9, 22))
LOG_STORED = _listed(0.0315, "GB-month", "AmazonCloudWatch", date(2026, 9, 22))
METRIC = _listed(0.30, "metric", "AmazonCloudWatch", date(2026, 9, 22))
ALARM = _listed(0.10, "alarm", "AmazonCloudWatch", date(2026, 9, 22))
DATA_OUT = _listed(0.09, "GB", "AWSDataTransfer", date(2026, 9, 16))


def _firewall(usd: float, unit: str) -> Price:
    source = "AWS WAF pricing page; the same in all Regions"
    return Price(usd=usd, unit=unit, source=source, of=_READ_ON, trust=Trust.QUOTED)


FIREWALL = _firewall(5.0, "web ACL")
FIREWALL_RULE = _firewall(1.0, "rule")
FIREWALL_REQUEST = _firewall(0.60e-6, "request")
COGNITO_USER = Price(
    usd=0.020, unit="active user", source="Amazon Cognito pricing page, plan Plus", of=date(2026, 9, 20)
)
TRACE = Price(usd=5.0e-6, unit="trace", source="AWS X-Ray pricing page", of=_READ_ON, trust=Trust.MEMORY)


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What nobody publishes, or only your callers know. Milliseconds are of AWS's answers within a Region."""

    status_reads: float = 4
    """Of a call: how often the app asks for its state."""
    hang_ups: float = 0.6
    """Calls that the app ends with DELETE; the others end with the agent."""
    rejoins: float = 0.02
    replaced_participants: float = 0.01
    """Rejoins so late that Connect must make another participant."""
    digit_requests: float = 0.3
    digit_connections: float = 0.1
    """Calls in which digits are sent, which takes a connection of the participant service."""
    events: int = 5
    """Contact events of a call: INITIATED, QUEUED, CONNECTED_TO_AGENT, DISCONNECTED, COMPLETED."""
    events_with_news: int = 4
    """Of these, those that change the record; COMPLETED repeats what DISCONNECTED told."""
    sign_ins: float = 1
    """Sign-ins and refreshed tokens of a call."""
    calls_of_a_user_a_month: float = 2
    flow_seconds: float = 5
    """From the start of the contact to the queue."""

    item_kib: float = 3.5
    """Of a call's item in the table; the answer of StartWebRTCContact is most of it."""
    answer_kb: float = 6
    """Of all answers to the app during a call."""
    function_log_kb: float = 1.8
    """Of an invocation: its own lines, its metrics, and those of Lambda."""
    access_log_kb: float = 0.7
    firewall_log_kb: float = 2.0
    traced_share: float = 0.05
    """X-Ray's default rule, beside the first request of each second."""

    table_write_ms: float = 6
    table_read_ms: float = 4
    table_query_ms: float = 5
    start_webrtc_contact_ms: float = 300
    connect_ms: float = 100
    """Of any other operation of Connect and of its participant service."""
    between_batches_ms: float = 20
    """What Lambda takes to fetch the next batch of events."""
    events_of_a_batch: int = 5
    """In a backlog; see batch_size in infra/constructs/contact_events.py."""

    metrics: int = 60
    """Metrics of the functions and of API Gateway's methods that are billed."""
    alarms: int = 22
    firewall_rules: int = 5


ASSUMED = Assumptions()

# CPU of one warm call, docs/performance.md of 2026-11-23.
START_CALL_CPU_MS = 4.00
CALL_CONTROL_CPU_MS = 3.70
CONTACT_EVENTS_CPU_MS = 3.81
CALLER_CONTEXT_CPU_MS = 1.49
AUTHORIZER_CPU_MS = 0.18
WHOLE_CORE_MIB = 1_769
"""Memory that comes with one core (AWS Lambda developer guide, "Lambda quotas")."""

SWITCH_READ_EVERY_SECONDS = 5
"""READ_EVERY_SECONDS in lambdas/start_call/switch.py."""
KEY_CACHED_SECONDS = 300
"""How long DynamoDB (for each caller) and SQS (for each principal) use a key without asking KMS again (their
developer guides, "Table key caching" and "Understanding the data key reuse period").
"""
