from pathlib import Path

import pytest

from local import optional_rooms


def test_a_room_that_a_checkout_lacks_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional_rooms, "_ROOMS", ("local.no_such_room",))
    assert optional_rooms.in_demo() == []


def test_a_room_that_lacks_something_itself_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "broken_room"
    room.mkdir()
    (room / "demo.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(optional_rooms, "_ROOMS", ("broken_room",))
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        optional_rooms.in_demo()
