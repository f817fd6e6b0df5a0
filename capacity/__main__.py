"""`make capacity`: what a number of calls asks of Amazon Connect, of this backend and of a budget.

Options are spelled in capitals there: CALLS_PER_HOUR=1000 AHT_SECONDS=300. docs/capacity.md says how they are
used.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import rich.table
from rich.console import Console
from rich.progress import Progress

from capacity import document, figures, side_by_side, tables
from capacity.limits import configured_limits
from capacity.load import Load, Settings
from capacity.plan import Plan
from capacity.tables import Table
from infra.config import Configuration
from infra.config import load as load_configuration
from infra.config_section import ConfigurationError

_CHECKOUT = Path(__file__).resolve().parents[1]
_DOCUMENT = _CHECKOUT / "docs" / "capacity.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the plan; returns the exit status."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.document:
        try:
            text = document.renewed(_DOCUMENT.read_text(encoding="utf-8"))
        except document.DocumentError as error:
            parser.error(f"docs/capacity.md: {error}")
        _DOCUMENT.write_text(text, encoding="utf-8")
        return 0
    load = _load(parser, asked)
    try:
        configuration = (
            None if asked.environment is None else load_configuration(_CHECKOUT, asked.environment)
        )
    except ConfigurationError as error:
        parser.error(str(error))
    if configuration is not None and configuration.sip_bridge is not None:
        parser.error(
            f"--environment {asked.environment}: its calls go over the SIP bridge, which is not calculated; "
            "name an environment without [sip_bridge]"
        )
    console = Console(width=None if sys.stdout.isatty() else 132)
    _print_plan(console, load, configuration)
    if asked.simulate:
        _print_simulation(console, load, configuration)
    return 0


def _print_plan(console: Console, load: Load, configuration: Configuration | None) -> None:
    settings = Settings() if configuration is None else Settings.of(configuration)
    plan = Plan(load, settings)
    shown = [
        tables.summaries(load, settings, calls_per_hour=[load.calls_per_hour]),
        tables.quotas(plan),
        tables.functions(plan),
        tables.limits(load, settings, calls_per_hour=[load.calls_per_hour]),
        tables.bills(load, settings, calls_per_hour=[load.calls_per_hour]),
    ]
    if configuration is not None:
        file = f"config/{configuration.environment}.toml"
        shown.insert(
            4, tables.against(load, settings, of=configured_limits(configuration), title=f"{file} today")
        )
        if configuration.region != figures.REGION:
            console.print(f"Prices and some quotas are of {figures.REGION}, not of {configuration.region}.")
    console.print(
        f"{load.calls_per_hour:,.0f} calls in the busy hour, instances: {load.instances}; "
        f"{load.aht_seconds:g} s each, of them {load.wrap_up_seconds:g} s wrap-up; "
        f"{load.answered_in_time_percent:g} % answered within {load.answer_within_seconds:g} s; patience "
        f"{load.patience_seconds:g} s. Agents for the hour's average, what is limited by the second for "
        f"{load.peak_factor:g} times that.",
        highlight=False,
    )
    for table in shown:
        _print(console, table)
    console.print(
        "docs/capacity.md: method, assumptions, and what these figures do not say.", highlight=False
    )


def _print_simulation(console: Console, load: Load, configuration: Configuration | None) -> None:
    simulated = side_by_side.simulated_load(load)
    plan = Plan(simulated, Settings())
    if configuration is None:
        rate, burst = figures.START_WEBRTC_CONTACT.value, figures.START_WEBRTC_CONTACT.burst or 1
    else:
        quotas = configuration.connect.quotas
        rate, burst = float(quotas.start_webrtc_contact_rate), quotas.start_webrtc_contact_burst
    with Progress(console=console, transient=True) as progress:
        steps = progress.add_task("simulating", total=4 * side_by_side.RUNS)

        def advance() -> None:
            progress.advance(steps)

        shown = [
            side_by_side.queue(plan, advance=advance),
            side_by_side.throttle(
                Plan(load, Settings()).peak_per_second, rate=rate, burst=burst, advance=advance
            ),
        ]
    for table in shown:
        _print(console, table)
    if simulated.calls_per_hour < load.calls_per_hour:
        console.print(
            f"The queue is simulated with {side_by_side.LARGEST_LOAD:g} Erlangs: a larger one takes too many "
            "calls to settle.",
            highlight=False,
        )


def _print(console: Console, table: Table) -> None:
    shown = rich.table.Table(title=table.title, title_justify="left")
    for column, heading in enumerate(table.headings):
        shown.add_column(heading, justify="right" if column else "left")
    for row in table.rows:
        shown.add_row(*(_terminal(cell) for cell in row))
    console.print(shown)


def _terminal(cell: str) -> str:
    """Bold of Markdown in rich's markup."""
    return f"[bold red]{cell[2:-2]}[/]" if cell.startswith("**") else cell


def _load(parser: argparse.ArgumentParser, asked: argparse.Namespace) -> Load:
    if asked.calls_per_hour is None or asked.aht_seconds is None:
        parser.error(
            "CALLS_PER_HOUR and AHT_SECONDS are needed: make capacity CALLS_PER_HOUR=1000 AHT_SECONDS=300"
        )
    given = {name: value for name in Load.__dataclass_fields__ if (value := getattr(asked, name)) is not None}
    load = Load(**given)
    if load.wrap_up_seconds >= load.aht_seconds:
        parser.error(
            f"WRAP_UP_SECONDS={load.wrap_up_seconds:g} is not less than AHT_SECONDS={load.aht_seconds:g}: "
            "AHT is talk, hold and wrap-up together"
        )
    return load


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m capacity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    defaults = Load(calls_per_hour=0, aht_seconds=0)
    for name, low, high, help_ in (
        ("calls_per_hour", 1, 10_000_000, "calls of the busy hour"),
        ("aht_seconds", 1, 86_400, "what an agent takes for a call: talk, hold and wrap-up"),
        ("wrap_up_seconds", 0, 86_399, "of it, the time after the caller has gone"),
        ("answer_within_seconds", 0, 3_600, "how soon calls are to be answered"),
        ("answered_in_time_percent", 1, 99.99, "and how many of them"),
        ("patience_seconds", 1, 86_400, "how long callers wait on the average before they give up"),
        ("peak_factor", 1, 20, "the busiest minutes of the hour to its average"),
        ("most_busy_percent", 10, 100, "the largest share of their time that agents may be busy"),
        ("busy_hours_per_month", 1, 744, "the calls of a month to those of the busy hour"),
    ):
        default = getattr(defaults, name)
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=_number(low, high),
            help=f"{help_} ({f'default {default:g}' if default or low == 0 else 'needed'})",
        )
    parser.add_argument(
        "--instances",
        type=_whole_number(1, 1_000),
        help="of Connect, each with an environment of its own, all in one Region (default 1)",
    )
    parser.add_argument("--environment", help="of config/: what its settings let through, beside")
    parser.add_argument("--simulate", action="store_true", help="show what is calculated beside a simulation")
    parser.add_argument(
        "--document", action="store_true", help="write the tables of docs/capacity.md instead"
    )
    return parser


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: give a number from {low:,} to {high:,}")
        return value

    return read


def _whole_number(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: give a whole number from {low:,} to {high:,}")
        return int(text)

    return read


if __name__ == "__main__":
    sys.exit(main())
