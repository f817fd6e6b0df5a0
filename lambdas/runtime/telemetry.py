"""Logger, metrics and tracer of a function, set up so that nothing personal can get into them.

* Only ids and names of things are logged; never an event, a claim, a token or the text of an exception.
* The tracer neither patches botocore nor captures methods: the first records and the second logs the text of
  every AWS error, which may quote what the caller sent. Each AWS call is a subsegment of its own instead
  (`traced`).
"""

import functools
from collections.abc import Callable
from typing import Any, cast

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from runtime.xray import DaemonProvider

logger = Logger(log_uncaught_exceptions=False)
metrics = Metrics()
_provider = DaemonProvider()
# Powertools' type of a provider has more than our use of it needs.
tracer = Tracer(auto_patch=False, provider=cast(Any, _provider))


def count(metric: str, number: int = 1) -> None:
    """Adds to a metric of this invocation."""
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=number)


def measure(metric: str, milliseconds: int) -> None:
    """Adds a time to a metric of this invocation."""
    metrics.add_metric(name=metric, unit=MetricUnit.Milliseconds, value=milliseconds)


def traced[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Makes each call of `function` a trace subsegment that holds neither its answer nor its error."""

    @functools.wraps(function)
    def in_subsegment(*args: P.args, **kwargs: P.kwargs) -> R:
        with _provider.in_subsegment(function.__qualname__):
            return function(*args, **kwargs)

    return in_subsegment


def log_unforeseen(error: BaseException) -> None:
    """Logs where an error came from, without its text: that may quote what the caller sent."""
    where = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        where.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    logger.error("Unforeseen error", error_type=type(error).__qualname__, where=where)
