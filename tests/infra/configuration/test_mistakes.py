"""What people get wrong in a first file: each has its message, word by word, in messages.txt."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.configuration import ConfigurationError, load
from tests.infra.configuration.files import write_checkout
from tests.infra.configuration.mistakes import MISTAKES

MESSAGES = Path(__file__).with_name("messages.txt")


def messages() -> dict[str, str]:
    """By what went wrong."""
    _, *blocks = MESSAGES.read_text(encoding="utf-8").split("\n## ")
    return {name: message.strip() for name, _, message in (block.partition("\n") for block in blocks)}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_common_mistake_has_its_message(tmp_path: Path, mistake: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(write_checkout(tmp_path, MISTAKES[mistake]), "test", transports={})
    assert str(caught.value) == messages()[mistake]


def test_there_are_seventy_five_common_mistakes() -> None:
    assert len(MISTAKES) >= 75
    assert list(messages()) == list(MISTAKES)
