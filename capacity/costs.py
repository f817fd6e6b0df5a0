"""What a month costs, by item: list prices, without tax, free tiers and volume discounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from capacity import figures
from capacity.figures import ASSUMED, Price
from capacity.plan import Plan

_MONTH_SECONDS = 30 * 86_400
_DAYS_IN_A_MONTH = 30

# Messages of the queue are sent, received and deleted; while it is empty five pollers ask three times a
# minute (AWS Lambda developer guide, "Configuring scaling behavior for SQS event source mappings").
_REQUESTS_PER_MESSAGE = 3
_EMPTY_RECEIVES = 5 * 3 * 60 * 24 * 30

# Of what begins a trace, the first of each second is kept: requests, events, contact flows.
_TRACED = 3


@dataclass(frozen=True, kw_only=True)
class Item:
    """A line of the bill."""

    name: str
    quantity: float
    price: Price

    @property
    def usd(self) -> float:
        """What it costs."""
        return self.quantity * self.price.usd


def monthly_items(plan: Plan) -> Sequence[Item]:
    """Of all environments together, dearest first. Agents' wages and devices are not among them."""
    items = [*_connect(plan), *_functions(plan), *_table(plan), *_logs(plan), *_rest(plan)]
    return sorted(items, key=lambda item: -item.usd)


def _connect(plan: Plan) -> list[Item]:
    minutes = plan.load.calls_per_month * plan.call_seconds / 60
    return [
        Item(name="Connect: voice", quantity=minutes, price=figures.CONNECT_VOICE),
        Item(name="Connect: in-app calling", quantity=minutes, price=figures.CONNECT_IN_APP),
    ]


def _functions(plan: Plan) -> list[Item]:
    calls = plan.load.calls_per_month
    seconds = sum(
        use.invocations_per_second / plan.peak_per_second * use.seconds for use in plan.functions.values()
    )
    return [
        Item(
            name="Lambda: requests", quantity=calls * plan.invocations_per_call, price=figures.LAMBDA_REQUEST
        ),
        Item(
            name="Lambda: duration",
            quantity=calls * seconds * plan.settings.memory_mib / 1_024,
            price=figures.LAMBDA_GB_SECOND,
        ),
    ]


def _table(plan: Plan) -> list[Item]:
    calls = plan.load.calls_per_month
    return [
        Item(name="DynamoDB: writes", quantity=calls * plan.write_units_per_call, price=figures.TABLE_WRITE),
        Item(name="DynamoDB: reads", quantity=calls * plan.read_units_per_call, price=figures.TABLE_READ),
    ]


def _logs(plan: Plan) -> list[Item]:
    per_call = plan.invocations_per_call * ASSUMED.function_log_kb + plan.requests_per_call * (
        ASSUMED.access_log_kb + ASSUMED.firewall_log_kb
    )
    gigabytes = plan.load.calls_per_month * per_call / 1e6
    kept = gigabytes * plan.settings.log_retention_days / _DAYS_IN_A_MONTH
    return [
        Item(name="CloudWatch: logs written", quantity=gigabytes, price=figures.LOG_INGESTED),
        Item(name="CloudWatch: logs kept, uncompressed", quantity=kept, price=figures.LOG_STORED),
    ]


def _rest(plan: Plan) -> list[Item]:
    load, calls = plan.load, plan.load.calls_per_month
    requests = calls * plan.requests_per_call
    messages = calls * ASSUMED.events
    all_traces = calls * (plan.requests_per_call + ASSUMED.events + 1)
    first_of_seconds = _TRACED * load.busy_hours_per_month * 3_600 * load.instances
    traces = min(all_traces, all_traces * ASSUMED.traced_share + first_of_seconds)
    # As if each hour were the busiest.
    key_requests = plan.key_requests_per_second * _MONTH_SECONDS
    items = [
        Item(name="API Gateway: requests", quantity=requests, price=figures.API_REQUEST),
        Item(
            name="SQS: requests",
            quantity=messages * _REQUESTS_PER_MESSAGE + _EMPTY_RECEIVES * load.instances,
            price=figures.QUEUE_REQUEST,
        ),
        Item(
            name="KMS: requests, at most", quantity=key_requests * load.instances, price=figures.KEY_REQUEST
        ),
        Item(name="KMS: customer key", quantity=load.instances, price=figures.KEY),
        Item(name="WAF: web ACL", quantity=load.instances, price=figures.FIREWALL),
        Item(
            name="WAF: rules", quantity=ASSUMED.firewall_rules * load.instances, price=figures.FIREWALL_RULE
        ),
        Item(name="WAF: requests", quantity=requests, price=figures.FIREWALL_REQUEST),
        Item(name="CloudWatch: metrics", quantity=ASSUMED.metrics * load.instances, price=figures.METRIC),
        Item(name="CloudWatch: alarms", quantity=ASSUMED.alarms * load.instances, price=figures.ALARM),
        Item(name="X-Ray: traces", quantity=traces, price=figures.TRACE),
        Item(name="Answers to the apps", quantity=calls * ASSUMED.answer_kb / 1e6, price=figures.DATA_OUT),
    ]
    if plan.settings.has_user_pool:
        users = calls / ASSUMED.calls_of_a_user_a_month
        items.append(Item(name="Cognito: active users", quantity=users, price=figures.COGNITO_USER))
    return items
