"""An issuer that changes its keys, is down, slow or talks nonsense, on a clock that the tests move."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authorizer.download import DownloadFailed
from authorizer.issuer_keys import IssuerKeys
from authorizer.keys import ALGORITHMS, KeysUnavailable, KeyUnknown
from tests.examples import examples
from tests.lambdas.tokens import key_set, signing_key

FRESH = 300
STALE = 3600
KEY = signing_key("ES256")
NEW_KEY = signing_key("ES256", "key-2")
GARBAGE = [
    b"",
    b"<html>Service unavailable</html>",
    b"{}",
    key_set(),
    key_set(KEY.jwk(use="enc")),
    key_set(*[KEY.jwk()] * 51),
]


@dataclass
class Issuer:
    """Answers with its key set, or with `answer`, and notes when it was requested."""

    keys: list[dict[str, Any]] = field(default_factory=lambda: [KEY.jwk()])
    now: float = 1_790_000_000.0
    answer: bytes | Exception | None = None
    takes_seconds: float = 0
    requested_at: list[float] = field(default_factory=list)

    def download(self) -> bytes:
        self.requested_at.append(self.now)
        self.now += self.takes_seconds
        if isinstance(self.answer, Exception):
            raise self.answer
        return key_set(*self.keys) if self.answer is None else self.answer

    def fail(self) -> None:
        self.answer = DownloadFailed("down")

    def recover(self) -> None:
        self.answer = None

    def within(self, seconds: float) -> int:
        """How often it was requested in the last so many seconds."""
        return sum(self.now - requested_at <= seconds for requested_at in self.requested_at)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def has_key(issuer: Issuer) -> Callable[[str], bool]:
    """Whether a signature by the key with this id can be verified now."""
    return reader(issuer)


def reader(issuer: Issuer, *, fresh: int = FRESH, stale: int = STALE) -> Callable[[str], bool]:
    keys = IssuerKeys(
        issuer.download, ALGORITHMS, fresh_seconds=fresh, stale_seconds=stale, now=lambda: issuer.now
    )

    def has_key(key_id: str) -> bool:
        try:
            return [key.key_id for key in keys.find(key_id, "ES256")] == [key_id]
        except KeyUnknown:
            return False

    return has_key


def test_keys_are_requested_when_the_first_token_comes(
    issuer: Issuer, has_key: Callable[[str], bool]
) -> None:
    assert not issuer.requested_at
    assert has_key("key-1")
    assert len(issuer.requested_at) == 1


def test_fresh_keys_are_not_requested_again(issuer: Issuer, has_key: Callable[[str], bool]) -> None:
    for _ in range(FRESH):
        assert has_key("key-1")
        issuer.now += 1
    assert len(issuer.requested_at) == 1
    assert has_key("key-1")
    assert len(issuer.requested_at) == 2


def test_a_new_key_is_known_at_once(issuer: Issuer, has_key: Callable[[str], bool]) -> None:
    assert has_key("key-1")
    issuer.keys.append(NEW_KEY.jwk())
    issuer.now += 30
    assert has_key("key-2")
    assert has_key("key-1")


def test_a_new_key_may_be_known_half_a_minute_after_an_unknown_one(
    issuer: Issuer, has_key: Callable[[str], bool]
) -> None:
    assert not has_key("invented")
    issuer.keys.append(NEW_KEY.jwk())
    issuer.now += 29
    assert not has_key("key-2")
    issuer.now += 1
    assert has_key("key-2")


def test_a_key_that_the_issuer_has_taken_out_is_refused_from_the_next_answer_on(
    issuer: Issuer, has_key: Callable[[str], bool]
) -> None:
    assert has_key("key-1")
    issuer.keys = [NEW_KEY.jwk()]
    issuer.now += FRESH - 1
    assert has_key("key-1")
    issuer.now += 1
    assert not has_key("key-1")
    assert has_key("key-2")


def test_a_request_for_a_new_key_takes_out_the_old_one(
    issuer: Issuer, has_key: Callable[[str], bool]
) -> None:
    assert has_key("key-1")
    issuer.keys = [NEW_KEY.jwk()]
    issuer.now += 30
    assert has_key("key-2")
    assert not has_key("key-1")


def test_another_key_under_the_same_id_is_taken_with_the_next_answer(issuer: Issuer) -> None:
    keys = IssuerKeys(
        issuer.download, ALGORITHMS, fresh_seconds=FRESH, stale_seconds=STALE, now=lambda: issuer.now
    )
    token = type(NEW_KEY)("ES256", "key-1", NEW_KEY.private).token()
    issuer.keys = [NEW_KEY.jwk(kid="key-1")]
    assert keys.find("key-1", "ES256")[0].has_signed(token, "ES256")
    issuer.keys = [KEY.jwk()]
    issuer.now += FRESH
    assert not keys.find("key-1", "ES256")[0].has_signed(token, "ES256")


def test_without_an_id_all_keys_may_be_meant_and_an_unknown_algorithm_costs_one_request(
    issuer: Issuer,
) -> None:
    keys = IssuerKeys(
        issuer.download, ALGORITHMS, fresh_seconds=FRESH, stale_seconds=STALE, now=lambda: issuer.now
    )
    issuer.keys.append(NEW_KEY.jwk())
    assert len(keys.find(None, "ES256")) == 2
    issuer.now += 30
    assert keys.find(None, "RS256") == []
    for _ in range(10):
        with pytest.raises(KeyUnknown):
            keys.find(None, "RS256")
    assert len(issuer.requested_at) == 2


def test_a_key_that_came_into_use_a_moment_after_the_keys_were_fetched_is_known_at_once(
    issuer: Issuer, has_key: Callable[[str], bool]
) -> None:
    assert has_key("key-1")  # a routine request
    issuer.keys.append(NEW_KEY.jwk())
    issuer.now += 1
    assert has_key("key-2")
    assert len(issuer.requested_at) == 2


@pytest.mark.parametrize("is_down", [False, True])
def test_a_key_that_may_be_new_is_not_refused_while_the_issuer_may_not_be_asked(
    issuer: Issuer, is_down: bool
) -> None:
    """API Gateway keeps a refusal for minutes, and an app signs its user out for it."""
    keys = IssuerKeys(
        issuer.download, ALGORITHMS, fresh_seconds=FRESH, stale_seconds=STALE, now=lambda: issuer.now
    )
    assert keys.find("key-1", "ES256")
    assert keys.find("invented", "ES256") == []  # the issuer has just said so
    issuer.keys.append(NEW_KEY.jwk())
    if is_down:
        issuer.fail()
    for _ in range(3 if is_down else 1):
        issuer.now += 29.9 if not is_down else 31
        with pytest.raises(KeyUnknown):
            keys.find("key-2", "ES256")
    issuer.recover()
    issuer.now += 31
    assert keys.find("key-2", "ES256")


# The start alone: the keys in them are others each time.
def _id(fault: object) -> str:
    return repr(fault)[:40]


@pytest.mark.parametrize("fault", [DownloadFailed("down"), *GARBAGE, RuntimeError("SECRET")], ids=_id)
def test_whatever_the_issuer_answers_its_good_keys_stay(
    fault: bytes | Exception, issuer: Issuer, has_key: Callable[[str], bool]
) -> None:
    assert has_key("key-1")
    issuer.answer = fault
    for _ in range((FRESH + STALE) // 20 - 1):
        issuer.now += 20
        assert has_key("key-1")
        assert not has_key("key-2")
    issuer.now += 20
    with pytest.raises(KeysUnavailable):
        has_key("key-1")
    issuer.now += 10
    issuer.recover()
    assert has_key("key-1")


@pytest.mark.parametrize("fault", [DownloadFailed("down"), *GARBAGE], ids=_id)
def test_without_any_keys_nothing_is_decided(
    fault: bytes | Exception, issuer: Issuer, has_key: Callable[[str], bool]
) -> None:
    issuer.answer = fault
    for key_id in ("key-1", "invented"):
        with pytest.raises(KeysUnavailable):
            has_key(key_id)
    issuer.recover()
    issuer.now += 9
    with pytest.raises(KeysUnavailable):
        has_key("key-1")
    assert len(issuer.requested_at) == 1
    issuer.now += 1
    assert has_key("key-1")


def test_keys_are_not_kept_in_an_outage_where_nothing_stale_is_wanted(issuer: Issuer) -> None:
    has_key = reader(issuer, fresh=60, stale=0)
    assert has_key("key-1")
    issuer.fail()
    issuer.now += 59
    assert has_key("key-1")
    issuer.now += 1
    with pytest.raises(KeysUnavailable):
        has_key("key-1")


def test_stale_keys_are_not_older_than_the_bound_however_slow_the_issuer_is(issuer: Issuer) -> None:
    has_key = reader(issuer)
    issuer.takes_seconds = 3
    began = issuer.now
    assert has_key("key-1")
    issuer.fail()
    issuer.now = began + FRESH + STALE - 4
    assert has_key("key-1")  # the try takes 3 s
    assert issuer.now == began + FRESH + STALE - 1
    issuer.now += 1
    with pytest.raises(KeysUnavailable):
        has_key("key-1")


def test_in_an_outage_keys_are_requested_every_ten_seconds(issuer: Issuer) -> None:
    has_key = reader(issuer)
    assert has_key("key-1")
    issuer.fail()
    issuer.now += FRESH
    for _ in range(3600):
        has_key("key-1")
        has_key("invented")
        issuer.now += 0.999
    assert issuer.within(3600) <= 360


def test_a_slow_issuer_in_an_outage_holds_requests_up_for_three_of_ten_seconds(issuer: Issuer) -> None:
    has_key = reader(issuer)
    assert has_key("key-1")
    issuer.fail()
    issuer.takes_seconds = 3
    issuer.now += FRESH
    began = issuer.now
    while issuer.now - began < 1000:
        assert has_key("key-1")
        issuer.now += 0.1
    assert issuer.within(1000) <= 101


@pytest.mark.parametrize("is_down", [False, True])
def test_random_key_ids_cannot_make_it_hammer_the_issuer(is_down: bool, issuer: Issuer) -> None:
    has_key = reader(issuer, fresh=86_400)
    assert has_key("key-1")
    if is_down:
        issuer.fail()
    ids = (f"random-{number}" for number in itertools.count())
    issuer.now += 30
    for _ in range(36_000):
        assert not has_key(next(ids))
        issuer.now += 0.1
    assert issuer.within(3600) <= 120
    assert has_key("key-1")


@pytest.mark.parametrize("set_back", [1, 3600, 10**9])
def test_a_clock_that_is_set_back_is_no_reason_to_trust_old_keys(set_back: int, issuer: Issuer) -> None:
    has_key = reader(issuer)
    assert has_key("key-1")
    issuer.keys = [NEW_KEY.jwk()]
    issuer.now -= set_back
    assert has_key("key-2")
    assert not has_key("key-1")


def test_why_keys_were_not_fetched_is_logged_in_no_words_of_the_issuer(
    issuer: Issuer, written: Callable[[], str]
) -> None:
    def find() -> None:
        with pytest.raises(KeysUnavailable):
            reader(issuer)("SECRET-KEY-ID")

    issuer.answer = b'{"keys": ["SECRET-KEY"]}'
    find()
    issuer.answer = DownloadFailed("SECRET")
    issuer.answer.__cause__ = TimeoutError("SECRET")
    find()
    issuer.answer = RuntimeError("SECRET")
    find()
    log = written()
    assert "SECRET" not in log
    assert '"ValueError"' in log
    assert '"TimeoutError"' in log
    assert '"RuntimeError"' in log
    assert "issuer_keys.py" in log


@settings(max_examples=examples(100))
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["down", "garbage", "up", "rotate"]),
            st.floats(0, 500),
            st.sampled_from(["key-1", "key-2", "invented"]),
        ),
        max_size=60,
    )
)
def test_no_course_of_events_keeps_a_key_too_long_or_requests_too_often(
    steps: list[tuple[str, float, str]],
) -> None:
    issuer = Issuer()
    has_key = reader(issuer)
    published: dict[str, float] = {}  # key id to when the issuer last said that it has it
    for event, seconds, key_id in steps:
        match event:
            case "down":
                issuer.fail()
            case "garbage":
                issuer.answer = GARBAGE[2]
            case "up":
                issuer.recover()
            case _:
                issuer.keys = [NEW_KEY.jwk()] if issuer.keys == [KEY.jwk()] else [KEY.jwk()]
        issuer.now += seconds
        sent = len(issuer.requested_at)
        try:
            known = has_key(key_id)
        except KeysUnavailable:
            known = False
        if len(issuer.requested_at) > sent and issuer.answer is None:
            published = {str(key["kid"]): issuer.now for key in issuer.keys}
        assert not known or issuer.now - published[key_id] < FRESH + STALE
    # One for the age of the keys, and after it one for a key that is unknown.
    asked = issuer.requested_at
    assert all(later - earlier >= 10 for earlier, later in zip(asked, asked[2:], strict=False))
