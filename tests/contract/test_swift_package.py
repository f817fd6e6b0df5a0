"""What the iOS package's tests decode is what the contract shows."""

from tools.swift.examples import FIXTURE, examples


def test_the_swift_tests_decode_the_contracts_examples() -> None:
    assert FIXTURE.read_text(encoding="utf-8") == examples(), "Run `python -m tools.swift.examples`."
