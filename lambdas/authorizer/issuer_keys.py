"""The keys that an issuer publishes, as they were at the last request.

An issuer takes new keys into use and old ones out as it likes. What it last said holds for a while, longer
while it cannot be reached, and not for ever. However many tokens come and whatever keys they name, requests
to it come at a bounded rate.
"""

from collections.abc import Callable, Sequence

from runtime.telemetry import count, log_unforeseen, logger

from authorizer.download import DownloadFailed
from authorizer.keys import KeysUnavailable, KeyUnknown, VerificationKey, fitting, read_jwks

_RETRY_SECONDS = 10
"""Between two tries while the issuer fails."""
_UNKNOWN_KEY_SECONDS = 30
"""After a try, until a token with an unknown key is a reason for another: anybody can invent key ids."""


class IssuerKeys:
    """A `KeySource` that gets the issuer's key set."""

    def __init__(
        self,
        download: Callable[[], bytes],
        algorithms: frozenset[str],
        *,
        fresh_seconds: int,
        stale_seconds: int,
        now: Callable[[], float],
    ) -> None:
        """`download` gets the issuer's key set; `now` returns the time in seconds.

        Keys are requested again after `fresh_seconds`; while that fails, they hold `stale_seconds` more.
        """
        self._download = download
        self._algorithms = algorithms
        self._fresh_seconds = fresh_seconds
        self._stale_seconds = stale_seconds
        self._now = now
        self._keys: Sequence[VerificationKey] = ()
        self._keys_of: float | None = None
        self._tried_at: float | None = None
        self._was_routine = False
        """Whether the last request was made, and answered, for the age of the keys."""

    def find(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """See `KeySource`. A key that is not known may be new: then the key set is requested.

        Raises `KeyUnknown` while that may not be, or fails: what is not known is not refused.
        """
        if not self._is_within(self._fresh_seconds, self._keys_of):
            self._refresh(unless_tried_within=_RETRY_SECONDS, is_routine=True)
        if not self._is_within(self._fresh_seconds + self._stale_seconds, self._keys_of):
            raise KeysUnavailable
        found = fitting(self._keys, key_id, algorithm)
        if found:
            return found
        # After a routine request the issuer may be asked once more: it may have changed its keys since.
        within = 0 if self._was_routine else _UNKNOWN_KEY_SECONDS
        if not self._refresh(unless_tried_within=within, is_routine=False):
            raise KeyUnknown
        return fitting(self._keys, key_id, algorithm)

    def _refresh(self, *, unless_tried_within: int, is_routine: bool) -> bool:
        """Requests the key set; whether it came. Whatever else the issuer does, the known keys stay."""
        if self._is_within(unless_tried_within, self._tried_at):
            return False
        self._tried_at, self._was_routine = self._now(), False
        try:
            self._keys = read_jwks(self._download(), self._algorithms)
        except (DownloadFailed, ValueError) as error:
            logger.warning("Keys not fetched", error_type=type(error.__cause__ or error).__name__)
            return False
        except Exception as error:  # noqa: BLE001
            # Nothing that an issuer sends may take away the keys that it sent before.
            log_unforeseen(error)
            count("UnforeseenError")
            return False
        self._keys_of, self._was_routine = self._tried_at, is_routine
        return True

    def _is_within(self, seconds: int, since: float | None) -> bool:
        """Whether less than `seconds` have gone by; after a clock was set back, it is not known, and not."""
        return since is not None and 0 <= self._now() - since < seconds
