"""What the calculator says, as tables that a terminal and docs/capacity.md both show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

from capacity.costs import monthly_items
from capacity.figures import ASSUMED, Price, Trust
from capacity.limits import LIMITS, Limit
from capacity.load import Load, Settings
from capacity.plan import Plan
from capacity.usage import CONTACT_EVENTS, START_CALL


@dataclass(frozen=True, kw_only=True)
class Table:
    """Headings and rows of text; the first column says what a row is about."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def as_markdown(self) -> str:
        """Without the title; all but the first column to the right."""
        lines = [self.headings, ["---", *["---:"] * (len(self.headings) - 1)], *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float) -> str:
    """Three digits that count, thousands apart; what is less than a thousandth is next to nothing."""
    if math.isinf(value):
        return "any"
    if 0 < value < 0.001:
        return "< 0.001"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}".rstrip("0").rstrip(".")


def rounded_down(value: float) -> str:
    """Two digits that count."""
    if value == 0 or math.isinf(value):
        return number(value)
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return number(math.floor(value / step) * step)


def share(value: float) -> str:
    """As a percentage; nearly all is not all."""
    return f"{value:.2%}" if 0.999 <= value < 1 else f"{value:.1%}"


def money(usd: float) -> str:
    """In whole US dollars from one on."""
    return f"{usd:,.0f}" if usd >= 1 else f"{usd:.2f}"


def summaries(load: Load, settings: Settings, *, calls_per_hour: Sequence[float]) -> Table:
    """What loads ask for, side by side; of one instance or environment where a row does not say otherwise."""
    plans = _plans(load, settings, calls_per_hour)
    return Table(
        title="What it takes",
        headings=["calls an hour", *(number(calls) for calls in calls_per_hour)],
        rows=_side_by_side([_summary(plan) for plan in plans]),
    )


def _summary(plan: Plan) -> Mapping[str, str]:
    several = plan.load.instances
    asked = {
        f"{request.quota.name}, for the {request.quota.scope}": f"{request.rate} / {request.burst}"
        for request in plan.requests
    }
    return {
        "load of all, Erlangs": number(plan.offered * several),
        "agents of all at once": number(plan.agents * several),
        "of their time busy": share(plan.waits.occupancy),
        "Erlang C: callers who wait": share(plan.waits.waiting),
        "Erlang C: mean wait of all (ASA), seconds": number(plan.waits.mean_seconds),
        "Erlang C: answered in time": share(plan.waits.answered_in_time),
        "Erlang A: answered in time": share(plan.impatient.answered_in_time),
        "Erlang A: give up": share(plan.impatient.abandoned),
        "Erlang A: give up, if the peak went on": share(plan.impatient_at_peak.abandoned),
        "Connect: concurrent active calls, for the instance": number(plan.concurrent_calls),
        **asked,
        "functions.reserved_concurrency": number(plan.reserved_concurrency),
        "functions.event_concurrency": number(plan.event_concurrency),
        "start_call: executions, mean / most": _executions(plan, START_CALL),
        "contact_events: executions, mean / most": _executions(plan, CONTACT_EVENTS),
        "table: write / read units a second": (
            f"{number(plan.write_units_per_second)} / {number(plan.read_units_per_second)}"
        ),
        "Lambda concurrency that all reserve": number(plan.lambda_concurrency * several),
        "requests a second through all APIs": number(plan.requests_per_second * several),
        "contact events a second of all": number(plan.events_per_second * several),
        "KMS requests a second of all, at most": number(plan.key_requests_per_second * several),
        "US dollars a month": money(sum(item.usd for item in monthly_items(plan))),
    }


def _executions(plan: Plan, function: str) -> str:
    use = plan.functions[function]
    return f"{number(use.executions)} / {number(use.most_executions)}"


def spreads(load: Load, settings: Settings, *, instances: Sequence[int]) -> Table:
    """A load spread over more and more instances, each with an environment of its own."""
    rows = []
    for several in instances:
        plan = Plan(replace(load, instances=several), settings)
        rows.append(
            {
                "calls an hour of each": number(load.calls_per_hour / several),
                "agents of each": number(plan.agents),
                "agents of all": number(plan.agents * several),
                "concurrent active calls of each": number(plan.concurrent_calls),
                "StartWebRTCContact of each, a second": number(plan.peak_per_second),
                "StartWebRTCContact of all, a second": number(plan.peak_per_second * several),
            }
        )
    return Table(
        title="Spread over instances",
        headings=["instances", *(number(several) for several in instances)],
        rows=_side_by_side(rows),
    )


def limits(load: Load, settings: Settings, *, calls_per_hour: Sequence[float]) -> Table:
    """Each limit with what loads need of it, bold where that is more; what is met first comes first."""
    plans = _plans(load, settings, calls_per_hour)
    met = sorted(
        ((limit.most_calls_per_hour(load, settings), limit) for limit in LIMITS), key=lambda pair: pair[0]
    )
    return Table(
        title="Which limits are met first, as AWS and this app set them",
        headings=[
            "limit",
            "of each",
            "value",
            "enough up to calls an hour",
            *(f"needed at {number(calls)}" for calls in calls_per_hour),
            "can be raised",
        ],
        rows=[
            [
                limit.quota.name,
                str(limit.quota.scope),
                _value(limit),
                rounded_down(most),
                *(_needed(limit, plan) for plan in plans),
                limit.quota.raised,
            ]
            for most, limit in met
        ],
    )


def against(load: Load, settings: Settings, *, of: Sequence[Limit], title: str) -> Table:
    """The same for one load and the limits of one environment."""
    plan = Plan(load, settings)
    return Table(
        title=title,
        headings=["setting", "value", "needed", "enough up to calls an hour"],
        rows=[
            [
                limit.quota.name,
                _value(limit),
                _needed(limit, plan),
                rounded_down(limit.most_calls_per_hour(load, settings)),
            ]
            for limit in of
        ],
    )


def _value(limit: Limit) -> str:
    value = number(limit.quota.value)
    return value if limit.quota.burst is None else f"{value} / {number(limit.quota.burst)}"


def _needed(limit: Limit, plan: Plan) -> str:
    needed = number(limit.needed(plan))
    return needed if limit.holds(plan) else f"**{needed}**"


def functions(plan: Plan) -> Table:
    """What each function of one environment does at the peak."""
    return Table(
        title="Functions of each environment, at the peak",
        headings=[
            "function",
            "invocations a second",
            "milliseconds of each",
            "at once, mean",
            "at once, most",
        ],
        rows=[
            [
                use.name,
                number(use.invocations_per_second),
                number(use.seconds * 1_000),
                number(use.executions),
                number(use.most_executions),
            ]
            for use in plan.functions.values()
        ],
    )


def quotas(plan: Plan) -> Table:
    """What to ask Connect for."""
    rows = [
        [
            request.quota.name,
            str(request.quota.scope),
            f"{number(request.quota.value)} / {request.quota.burst}",
            number(request.arrivals_per_second),
            f"{request.rate} / {request.burst}",
            number(request.least_burst),
        ]
        for request in plan.requests
    ]
    return Table(
        title="Rates of Connect's operations, a second / at once",
        headings=["operation", "of each", "at first", "at the peak", "ask for", "burst that is just enough"],
        rows=rows,
    )


def bills(load: Load, settings: Settings, *, calls_per_hour: Sequence[float]) -> Table:
    """A month of loads in US dollars, by item, the dearest of the largest load first."""
    of_each = [monthly_items(plan) for plan in _plans(load, settings, calls_per_hour)]
    by_name = [{item.name: item for item in items} for items in of_each]
    return Table(
        title="US dollars a month",
        headings=["item", "list price", "as of", *(number(calls) for calls in calls_per_hour)],
        rows=[
            [
                item.name,
                _price(item.price),
                _as_of(item.price),
                *(money(month[item.name].usd) for month in by_name),
            ]
            for item in of_each[-1]
        ]
        + [["**all**", "", "", *(money(sum(item.usd for item in items)) for items in of_each)]],
    )


def _price(price: Price) -> str:
    scale, word = (1e6, "million ") if price.usd < 0.001 else (1, "")
    return f"{price.usd * scale:.4g} per {word}{price.unit}{'s' if word else ''}"


def _as_of(price: Price) -> str:
    return f"{price.of}" if price.trust is Trust.READ else str(price.trust)


def assumptions() -> Table:
    """What is assumed, by the names that capacity/figures.py has for it."""
    return Table(
        title="Assumptions",
        headings=["assumption", "value"],
        rows=[
            [field.name.replace("_", " "), number(getattr(ASSUMED, field.name))] for field in fields(ASSUMED)
        ],
    )


def _plans(load: Load, settings: Settings, calls_per_hour: Sequence[float]) -> list[Plan]:
    return [Plan(replace(load, calls_per_hour=calls), settings) for calls in calls_per_hour]


def _side_by_side(columns: Sequence[Mapping[str, str]]) -> list[list[str]]:
    return [[name, *(column[name] for column in columns)] for name in columns[0]]
