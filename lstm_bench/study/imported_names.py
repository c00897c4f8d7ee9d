"""Read from the text of Python source which modules it imports, without running it.

Every import statement counts, wherever it stands: in a function, in a try, under an if. Two kinds do not: imports under
`if TYPE_CHECKING:`, which never run, and relative ones, which stay inside a package that counts as a whole. Every
string "<name>.py" counts too. In source that imports by name (importlib, runpy, ...), so does every string that could
be the name of a module. A name that is put together while the source runs is not seen.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from functools import cache

BY_NAME = re.compile(rb"importlib|import_module|__import__|runpy|pkgutil|pydoc|get_class|get_object|instantiate")
MODULE_NAME = re.compile(r"([^\W\d]\w*)(\.\w+)*\.?")  # "cells." begins a name that an f-string ends
FILE_NAME = re.compile(r"([^\0\n/]{1,60}/)*[^\0\n/]{1,60}\.py")  # 60 letters are a name in every file system


@cache
def imported_names(source: bytes) -> frozenset[str]:
    """Return the top-level names of the modules that a source imports, and the names of .py files that it mentions.

    Source that cannot be parsed imports nothing.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on the source of others
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    imports_by_name = BY_NAME.search(source) is not None
    return frozenset(name for node in _nodes(tree) for name in _names(node, imports_by_name))


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every node but those that run for type checkers alone."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        is_for_checkers = isinstance(node, ast.If) and _is_type_checking(node.test)
        waiting += node.orelse if is_for_checkers else ast.iter_child_nodes(node)  # type: ignore[attr-defined]


def _is_type_checking(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", None), getattr(test, "attr", None))


def _names(node: ast.AST, imports_by_name: bool) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (top_level(alias.name) for alias in names)
        case ast.ImportFrom(module=str(module), level=0):
            yield top_level(module)
        case ast.Constant(value=str(text)) if FILE_NAME.fullmatch(text):
            yield text
        case ast.Constant(value=str(text)) if imports_by_name and MODULE_NAME.fullmatch(text):
            yield top_level(text)


def top_level(path: str) -> str:
    """Return the package or module that a dotted path begins with."""
    return path.partition(".")[0]
