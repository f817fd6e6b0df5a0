"""What is asked: how many calls, how long, how soon they are to be answered; in which environment."""

from __future__ import annotations

from dataclasses import dataclass

from infra.config import Configuration
from infra.identity_config import Issuer


@dataclass(frozen=True, kw_only=True)
class Load:
    """The calls of the busy hour, spread evenly over `instances` of Connect, each with its own environment.

    `aht_seconds` is what an agent takes for a call: talk, hold and wrap-up. For the last `wrap_up_seconds` of
    it the caller has gone.
    """

    calls_per_hour: float
    aht_seconds: float
    wrap_up_seconds: float = 30
    answer_within_seconds: float = 20
    answered_in_time_percent: float = 80
    patience_seconds: float = 180
    """How long callers wait on the average before they give up."""
    peak_factor: float = 1.5
    """The busiest minutes of the hour to its average."""
    most_busy_percent: float = 100
    """The largest share of their time that agents may be on calls and wrap-up; 100 for no bound."""
    busy_hours_per_month: float = 300
    """The calls of a month to those of the busy hour: 30 days of ten times that hour."""
    instances: int = 1

    @property
    def calls_per_month(self) -> float:
        """Of all instances."""
        return self.calls_per_hour * self.busy_hours_per_month


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of an environment, as far as they change what calls cost."""

    memory_mib: int = 1_024
    log_retention_days: int = 365
    has_user_pool: bool = True
    token_cache_seconds: int = 0
    """How long API Gateway keeps what the authorizer of an issuer's tokens said."""

    @classmethod
    def of(cls, configuration: Configuration) -> Settings:
        """Those of an environment of config/."""
        source = configuration.identity.source
        return cls(
            memory_mib=configuration.functions.memory_mib,
            log_retention_days=configuration.functions.log_retention_days,
            has_user_pool=not isinstance(source, Issuer),
            token_cache_seconds=source.cache_seconds if isinstance(source, Issuer) else 0,
        )
