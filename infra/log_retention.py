"""How long logs are kept."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_logs as logs

from infra.configuration import Configuration

_RETENTION: Mapping[int, logs.RetentionDays] = {
    1: logs.RetentionDays.ONE_DAY,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    731: logs.RetentionDays.TWO_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}


def log_retention(configuration: Configuration) -> logs.RetentionDays:
    """How long every log group of the environment keeps what is written to it."""
    return _RETENTION[configuration.functions.log_retention_days]
