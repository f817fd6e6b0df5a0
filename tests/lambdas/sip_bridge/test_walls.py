"""What the room may import; import-linter holds that nothing imports the room."""

import ast
from pathlib import Path

import pytest

import sip_bridge

ROOM = Path(sip_bridge.__path__[0])
FUNCTIONS = {"start_call", "call_control", "contact_events", "caller_context", "authorizer", "infra", "local"}


@pytest.mark.parametrize("source", sorted(ROOM.rglob("*.py")), ids=lambda path: path.stem)
def test_the_room_imports_no_function_and_nothing_of_the_infrastructure(source: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                imported |= {name.name.partition(".")[0] for name in names}
            case ast.ImportFrom(module=str(module)):
                imported.add(module.partition(".")[0])
    assert not imported & FUNCTIONS
