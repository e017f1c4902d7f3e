"""The project's own files, as the architecture tests read them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
APPS = ["helpdesk", "routing", "knowledge", "channels_app"]
PACKAGES = [*APPS, "deploy"]


def python_files(*folders: str, migrations: bool = False) -> list[Path]:
    """Return the Python modules below the folders, in order."""
    found = [path for folder in folders for path in (PROJECT / folder).rglob("*.py")]
    return sorted(path for path in found if migrations or "migrations" not in path.parts)


def files(pattern: str, *folders: str) -> list[Path]:
    """Return the files below the folders that match a pattern, in order."""
    return sorted(path for folder in folders for path in (PROJECT / folder).rglob(pattern))


def templates() -> list[Path]:
    """Return every template of the project."""
    found = files("*.html", "templates", *APPS) + files("*.txt", "templates")
    return [path for path in found if "static" not in path.parts]


def scripts() -> list[Path]:
    """Return every script that a browser runs."""
    return files("*.js", *APPS)


@cache
def text(path: Path) -> str:
    """Return what the file says."""
    return path.read_text(encoding="utf-8")


@cache
def tree(path: Path) -> ast.Module:
    """Return the file's syntax tree."""
    return ast.parse(text(path), filename=str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of a module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def place(path: Path, line: int = 0) -> str:
    """Return how a failing test names a place: path from the root, and line."""
    name = str(path.relative_to(PROJECT))
    return f"{name}:{line}" if line else name
