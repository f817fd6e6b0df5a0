"""Which modules of a source tree are loaded when some of them are imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path


def import_closure(root: Path, modules: Iterable[str]) -> list[Path]:
    """The files under `root` that importing `modules` ("start_call.handler") can load, sorted.

    An import counts wherever it stands in a source, except under `if TYPE_CHECKING`. Imports by a name that
    is computed are invisible here: name their modules too. Raises ModuleNotFoundError and SyntaxError.
    """
    files: dict[str, Path | None] = {}
    wanted = list(modules)
    for module in wanted:
        if _file(root, module) is None:
            raise ModuleNotFoundError(module, name=module)
    while wanted:
        module = wanted.pop()
        if module not in files:
            path = files[module] = _file(root, module)
            if path is not None:
                wanted += _imports(module, path, path.read_bytes())
    return sorted(path for path in files.values() if path is not None)


def _file(root: Path, module: str) -> Path | None:
    """The file of a module or package; None for those that are not under `root`."""
    path = root.joinpath(*module.split("."))
    candidates = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


@cache  # Functions share most of their modules.
def _imports(module: str, path: Path, source: bytes) -> list[str]:
    """What `module` imports, and the packages that it is in; names of a package may be modules too."""
    parent = module.rpartition(".")[0]
    package = module if path.name == "__init__.py" else parent
    imported = [parent] if parent else []
    for node in _executed(ast.parse(source, filename=str(path))):
        if isinstance(node, ast.Import):
            imported += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            imported += [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
    return imported


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below `node` except those that only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).rpartition(".")[2] == "TYPE_CHECKING":
            for alternative in child.orelse:
                yield alternative
                yield from _executed(alternative)
        elif not isinstance(child, ast.expr):  # in which no statement can be
            yield child
            yield from _executed(child)
