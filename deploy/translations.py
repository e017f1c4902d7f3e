"""Compiles translations without the gettext programs."""

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

PROJECT = Path(__file__).resolve().parent.parent


def compile_translations() -> int:
    """Compile every catalogue that is newer than what was made of it; return how many."""
    stale = [path for path in (PROJECT / "locale").glob("*/*/LC_MESSAGES/*.po") if _is_stale(path)]
    for path in stale:
        with path.open("rb") as source:
            catalogue = read_po(source, locale=path.parent.parent.name)
        scratch = path.with_suffix(".mo.new")
        with scratch.open("wb") as target:
            write_mo(target, catalogue)
        scratch.replace(path.with_suffix(".mo"))
    return len(stale)


def _is_stale(path: Path) -> bool:
    compiled = path.with_suffix(".mo")
    return not compiled.exists() or compiled.stat().st_mtime < path.stat().st_mtime
