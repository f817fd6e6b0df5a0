"""The telephone numbers that there are to have: Amazon Connect and the Amazon Chime SDK share them.

All are numbers for fiction where a country has such, so that none is anybody's.
"""

import re
import threading
from collections.abc import Iterator
from itertools import islice

MEETING_NUMBER = "+17035550122"  # AWS's own: whoever calls it from a SIP media application joins a meeting
E164 = re.compile(r"\+[1-9]\d{1,14}")

# Of the countries that calls can be allowed to by a Voice Connector's termination, those with a supply here.
CALLING_CODES = {
    "US": "1", "CA": "1", "GB": "44", "IE": "353", "DE": "49", "FR": "33", "IT": "39", "ES": "34",
    "NL": "31", "AT": "43", "CH": "41", "DK": "45", "FI": "358", "SE": "46", "AU": "61", "JP": "81",
    "KR": "82", "SG": "65",
}  # fmt: skip
_LOCAL = {"US": "206555", "CA": "604555", "GB": "2079460"}
_TOLL_FREE = {"US": "833555", "GB": "8081570"}
_OF_TOLL_FREE = re.compile(r"\+1(8[0345678]{2})|\+44808")
_CANADIAN = "+1604555"


def countries_of(number: str) -> frozenset[str]:
    """The countries that a number in E.164 may be in: those of its calling code."""
    return frozenset(country for country, code in CALLING_CODES.items() if number.startswith(f"+{code}"))


def country_of(number: str) -> str | None:
    """The country that a number of the supply is of, None for a number that cannot be of it."""
    found = countries_of(number)
    if found == {"US", "CA"}:
        return "CA" if number.startswith(_CANADIAN) else "US"
    return next(iter(found), None)


def is_toll_free(number: str) -> bool:
    """Whether calls to the number, in E.164, cost their callers nothing."""
    return _OF_TOLL_FREE.match(number) is not None


class NumberSupply:
    """Numbers that nobody has yet."""

    def __init__(self) -> None:
        self._taken = {MEETING_NUMBER}
        self._lock = threading.Lock()

    def available(self, country: str, *, toll_free: bool, limit: int, area_code: str = "") -> list[str]:
        """Up to `limit` numbers that can be taken, of the area code if one is given; none for a country
        without a supply.
        """
        with self._lock:
            free = (n for n in _numbers(country, toll_free, area_code) if n not in self._taken)
            return list(islice(free, limit))

    def take(self, number: str) -> bool:
        """Take a number; False where somebody has it already."""
        with self._lock:
            if number in self._taken or not E164.fullmatch(number):
                return False
            self._taken.add(number)
            return True

    def give_back(self, number: str) -> None:
        """Let others have the number."""
        with self._lock:
            self._taken.discard(number)


def _numbers(country: str, toll_free: bool, area_code: str) -> Iterator[str]:  # noqa: FBT001 private
    code = CALLING_CODES.get(country)
    series = (_TOLL_FREE if toll_free else _LOCAL).get(country, "" if toll_free else "5550")
    if code is None or not series:
        return
    if area_code:
        series = f"{area_code}555"
    for number in range(100, 200):
        yield f"+{code}{series}{number:04d}"
