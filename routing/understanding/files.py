"""Reads labelled texts from files: one JSON object a line with `id`, `text` and `label`, plain or gzip."""

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_LONGEST_LINE = 10_000_000


class BadFile(ValueError):
    """A file cannot be read; the text names it, and the line."""


class Labelled(NamedTuple):
    """One line of a file."""

    id: str
    text: str
    label: str


def read(paths: Iterable[Path]) -> list[Labelled]:
    """Return the lines of all the files in turn; raises BadFile."""
    found: list[Labelled] = []
    for path in paths:
        before = len(found)
        found += _lines(path)
        if len(found) == before:
            raise BadFile(f"{path}: nothing in it")
    return found


def first_of_each(lines: Iterable[Labelled], number: int) -> list[Labelled]:
    """Return the first lines of each label, in the order of the file."""
    taken: Counter[str] = Counter()
    chosen = []
    for line in lines:
        if taken[line.label] < number:
            taken[line.label] += 1
            chosen.append(line)
    return chosen


def _lines(path: Path) -> Iterator[Labelled]:
    number = 0
    try:
        with path.open("rb") as raw:
            is_packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if is_packed else path.open("rb") as stream:
            while line := stream.readline(_LONGEST_LINE):
                number += 1
                if line.strip():
                    yield _line(line)
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise BadFile(f"{path}, line {number or 1}: {error}") from error


def _line(line: bytes) -> Labelled:
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    for name in ("text", "label"):
        if not isinstance(found.get(name), str):
            raise ValueError(f'"{name}" is missing, or no text')
    if not found["label"].strip():
        raise ValueError('"label" is empty')
    return Labelled(str(found.get("id", "")), found["text"], found["label"])
