"""The keys that a caller presses."""

import threading
import time

import pytest

from local.emulator.connect.digits import Digits


def collecting(digits: Digits, most: int = 4, **changed: object) -> "Collecting":
    given = {"first_within": 1.0, "next_within": 0.2, "ends_with": "#", "cancels": True, **changed}
    return Collecting(digits, most, given)


class Collecting:
    """A block that collects keys in a thread of its own."""

    def __init__(self, digits: Digits, most: int, given: dict[str, object]) -> None:
        self._result: list[str | None] = []

        def collect() -> None:
            self._result.append(digits.collect(most, **given))  # type: ignore[arg-type]

        self._thread = threading.Thread(target=collect)
        self._thread.start()
        while not digits.are_awaited and self._thread.is_alive():
            time.sleep(0.001)

    def result(self) -> str | None:
        self._thread.join(5)
        [result] = self._result
        return result


def test_keys_go_to_the_block_that_collects_them_and_the_rest_passes() -> None:
    digits = Digits()
    digits.press("7")
    block = collecting(digits)
    digits.press("12")
    digits.press("3456")
    assert block.result() == "1234"
    digits.press("89")
    assert digits.passed == ["7", "56", "89"]


@pytest.mark.parametrize(
    ("pressed", "changed", "collected"),
    [
        ("12#9", {}, "12"),
        ("12**", {"ends_with": "**", "cancels": False}, "12"),
        ("1*23#", {}, "23"),
        ("1*2", {"cancels": False}, "1*2"),
        ("12", {}, "12"),
        ("#", {}, ""),
        ("1", {"most": 1, "ends_with": ""}, "1"),
        ("#", {"most": 1, "ends_with": ""}, "#"),
    ],
)
def test_keys_are_collected_up_to_the_end(pressed: str, changed: dict[str, object], collected: str) -> None:
    digits = Digits()
    block = collecting(digits, **changed)  # type: ignore[arg-type]
    digits.press(pressed)
    assert block.result() == collected


def test_without_a_first_key_nothing_is_collected_when_its_time_is_over() -> None:
    began = time.monotonic()
    assert collecting(Digits(), first_within=0.2).result() is None
    assert 0.2 <= time.monotonic() - began < 2


def test_the_time_between_keys_begins_anew_with_each() -> None:
    digits = Digits()
    block = collecting(digits, next_within=0.4)
    for key in "123":
        digits.press(key)
        time.sleep(0.25)
    digits.press("4")
    assert block.result() == "1234"


def test_the_end_of_the_contact_ends_the_waiting() -> None:
    digits = Digits()
    block = collecting(digits, first_within=60.0)
    digits.end()
    assert block.result() is None


def test_early_keys_are_kept_for_the_block_that_collects_next_and_what_is_left_for_the_one_after() -> None:
    digits = Digits()
    digits.press("9")  # nobody keeps it yet
    digits.keep(early=True)
    digits.press("12345")
    assert collecting(digits, most=3).result() == "123"
    assert collecting(digits, most=2).result() == "45"
    assert digits.passed == ["9"]


def test_kept_keys_are_forgotten_when_they_are_kept_no_longer() -> None:
    digits = Digits()
    digits.keep(early=True)
    digits.press("1" * 40)
    assert collecting(digits, most=40, next_within=0.05).result() == "1" * 30
    digits.press("2")
    digits.keep(early=False)
    assert collecting(digits, first_within=0.05).result() is None
    assert digits.passed == []
