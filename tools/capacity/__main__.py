"""`make capacity`: agents, quotas, concurrency and monthly cost of a number of calls.

Options are spelled in capitals there: CALLS_PER_HOUR=1000 AHT_SECONDS=300. docs/capacity.md has the method.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra.configuration import Configuration, ConfigurationError, Issuer, load
from tools.capacity.assumptions import ASSUMED
from tools.capacity.plan import MAX_CALLS_PER_HOUR, REGION, Limit, Load, Plan, Settings

Rows = Sequence[Sequence[str]]
"""The first row is the heading."""

_CHECKOUT = Path(__file__).resolve().parents[2]
_DOCUMENT = _CHECKOUT / "docs" / "capacity.md"
# Option, least, most, what it is.
_OPTIONS = (
    ("calls_per_hour", 1, MAX_CALLS_PER_HOUR, "calls of the busy hour"),
    ("aht_seconds", 1, 14_400, "what an agent takes for a call: talk, hold and wrap-up"),
    ("wrap_up_seconds", 0, 14_399, "of it, the time after the caller has gone"),
    ("answer_within_seconds", 0, 3_600, "how soon calls are to be answered"),
    ("answered_in_time_percent", 1, 99.99, "and how many of them"),
    ("max_busy_percent", 10, 100, "the largest share of their time that agents are busy"),
    ("peak_factor", 1, 20, "the busiest minutes of the hour to its average"),
    ("busy_hours_per_month", 1, 744, "the calls of a month to those of the busy hour"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the plan; returns the exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.document:
        _DOCUMENT.write_text(document(_DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    wanted = {name: value for name, *_ in _OPTIONS if (value := getattr(given, name)) is not None}
    if not {"calls_per_hour", "aht_seconds"} <= wanted.keys():
        parser.error(
            "give both CALLS_PER_HOUR and AHT_SECONDS: make capacity CALLS_PER_HOUR=1000 AHT_SECONDS=300"
        )
    plan = Load(**wanted)
    if plan.wrap_up_seconds >= plan.aht_seconds:
        parser.error(
            f"WRAP_UP_SECONDS={plan.wrap_up_seconds:g} must be less than AHT_SECONDS={plan.aht_seconds:g}"
        )
    try:
        configuration = load(_CHECKOUT, given.environment) if given.environment else None
    except ConfigurationError as error:
        parser.error(str(error))
    if configuration is not None and configuration.transport is not None:
        parser.error(
            f"--environment {given.environment}: its calls take another transport than the native one"
        )
    _print(Plan(plan, _settings(configuration)), configuration)
    return 0


def _print(plan: Plan, configuration: Configuration | None) -> None:
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    own = [] if configuration is None else _configured(plan, configuration)
    for title, rows in (
        ("What it takes", summary([plan])),
        ("Quotas of a new account", quotas([plan])),
        *([(f"config/{configuration.environment}.toml", own)] if configuration is not None else []),
        (f"US dollars a month, list prices of {REGION}", bill([plan])),
    ):
        table = Table(title=title, title_justify="left")
        for column, heading in enumerate(rows[0]):
            table.add_column(heading, justify="right" if column else "left")
        for row in rows[1:]:
            table.add_row(*(re.sub(r"\*\*(.+)\*\*", r"[bold red]\1[/]", cell) for cell in row))
        console.print(table)
    if plan.guides_per_month:
        console.print(
            f"Beside it: {number(plan.guides_per_month)} guides a month, chat contacts, which AWS bills."
        )
    console.print("docs/capacity.md has the method, and what these figures do not say.")


def summary(plans: Sequence[Plan]) -> Rows:
    """What each load takes."""
    lines: Sequence[tuple[str, Callable[[Plan], str]]] = (
        ("calls an hour", lambda plan: number(plan.load.calls_per_hour)),
        ("load, Erlangs", lambda plan: number(plan.offered)),
        ("agents at once", lambda plan: number(plan.agents)),
        ("of their time busy", lambda plan: f"{plan.offered / plan.agents:.1%}"),
        ("callers who wait", lambda plan: f"{plan.waiting:.1%}"),
        ("answered in time", lambda plan: f"{plan.answered_in_time:.1%}"),
        ("mean wait, seconds", lambda plan: number(plan.mean_wait_seconds)),
        ("functions.reserved_concurrency", lambda plan: number(plan.reserved_concurrency)),
        ("functions.event_concurrency", lambda plan: number(plan.event_concurrency)),
        ("US dollars a month", lambda plan: number(_total(plan))),
    )
    return [[name, *(shown(plan) for plan in plans)] for name, shown in lines]


def quotas(plans: Sequence[Plan]) -> Rows:
    """What each load needs of each quota, bold where it is more; the first to be exceeded comes first."""
    met = {limit.name: plans[0].calls_per_hour_within(limit.name) for limit in plans[0].limits}
    loads = [number(plan.load.calls_per_hour) for plan in plans]
    rows = [
        [
            limits[0].name,
            limits[0].scope,
            _value(limits[0].value, limits[0].burst),
            _rounded_down(met[limits[0].name]),
            *(_needed(limit) for limit in limits),
            _value(*limits[-1].to_request),
        ]
        for limits in sorted(
            zip(*(plan.limits for plan in plans), strict=True), key=lambda each: met[each[0].name]
        )
    ]
    needed = [f"needed at {calls}" for calls in loads]
    return [
        ["quota", "of each", "value", "enough up to calls an hour", *needed, f"request at {loads[-1]}"],
        *rows,
    ]


def _configured(plan: Plan, configuration: Configuration) -> Rows:
    """What a load needs of an environment's own limits."""
    of_connect, api, functions = configuration.connect.quotas, configuration.api, configuration.functions
    starts, controls = of_connect.start_webrtc_contact_rate, of_connect.call_control_rate
    limits = (
        ("connect.quotas.start_webrtc_contact", starts, of_connect.start_webrtc_contact_burst, 1),
        ("connect.quotas.call_control", controls, of_connect.call_control_burst, ASSUMED.hang_ups),
        ("api.status", api.status_rate, api.status_burst, ASSUMED.status_reads),
    )
    concurrency = [("functions.event_concurrency", functions.event_concurrency, plan.event_concurrency)]
    if functions.reserved_concurrency is not None:
        reserved = (
            "functions.reserved_concurrency",
            functions.reserved_concurrency,
            plan.reserved_concurrency,
        )
        concurrency.insert(0, reserved)
    shown = [
        *(Limit(f"{name}_rate / _burst", "", rate, burst, plan.peak * n) for name, rate, burst, n in limits),
        *(Limit(name, "", value, None, needed) for name, value, needed in concurrency),
    ]
    rows = ([limit.name, _value(limit.value, limit.burst), _needed(limit)] for limit in shown)
    return [["setting", "value", "needed"], *rows]


def bill(plans: Sequence[Plan]) -> Rows:
    """A month of each load by item, the dearest of the largest load first."""
    lines = sorted(
        zip(*(plan.bill for plan in plans), strict=True), key=lambda each: -each[-1].quantity * each[-1].price
    )
    return [
        ["item", "list price", "as of", *(number(plan.load.calls_per_hour) for plan in plans)],
        *(
            [items[0].name, _price(items[0].price, items[0].unit), items[0].as_of]
            + [number(item.quantity * item.price) for item in items]
            for items in lines
        ),
        ["**all**", "", "", *(number(_total(plan)) for plan in plans)],
    ]


def document(text: str) -> str:
    """docs/capacity.md with its tables written anew."""
    loads = (Load(calls_per_hour=calls, aht_seconds=300) for calls in (1_000, 10_000, 100_000))
    plans = [Plan(each, Settings()) for each in loads]
    assumed = [[each.name.replace("_", " "), number(getattr(ASSUMED, each.name))] for each in fields(ASSUMED)]
    tables = {
        "summary": summary(plans),
        "quotas": quotas(plans),
        "bill": bill(plans),
        "assumptions": [["assumption", "value"], *assumed],
    }
    for name, (heading, *rows) in tables.items():
        lines = [heading, ["---", *["---:"] * (len(heading) - 1)], *rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        place = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = place.sub(rf"\1\n{table}\n\n\2", text)
    return text


def number(value: float) -> str:
    """Three digits that count, thousands apart."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    if value < 0.001:
        return "< 0.001"
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}".rstrip("0").rstrip(".")


def _total(plan: Plan) -> float:
    return sum(item.quantity * item.price for item in plan.bill)


def _rounded_down(calls: float) -> str:
    """Two digits that count."""
    if math.isinf(calls):
        return f"over {MAX_CALLS_PER_HOUR:,}"
    step = 10.0 ** (math.floor(math.log10(calls)) - 1)
    return number(math.floor(calls / step) * step)


def _value(value: float, burst: int | None) -> str:
    return number(value) if burst is None else f"{value:,.0f} / {burst:,}"


def _needed(limit: Limit) -> str:
    return number(limit.needed) if limit.holds else f"**{number(limit.needed)}**"


def _price(usd: float, unit: str) -> str:
    return f"{usd * 1e6:.4g} per million {unit}s" if usd < 0.001 else f"{usd:.4g} per {unit}"


def _settings(configuration: Configuration | None) -> Settings:
    if configuration is None:
        return Settings()
    return Settings(
        memory_mib=configuration.functions.memory_mib,
        log_retention_days=configuration.functions.log_retention_days,
        has_user_pool=not isinstance(configuration.identity.source, Issuer),
        agent_guide=configuration.connect.flow.agent_guide,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.capacity",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, least, most, help_ in _OPTIONS:
        default = getattr(Load, name, "none: needed")
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=_number(least, most), help=f"{help_} (default {default})")
    parser.add_argument("--environment", help="of config/: what its settings let through, beside")
    parser.add_argument(
        "--document", action="store_true", help="write the tables of docs/capacity.md instead"
    )
    return parser


def _number(least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r}: give a number from {least:,} to {most:,}")
        return value

    return read


if __name__ == "__main__":
    sys.exit(main())
