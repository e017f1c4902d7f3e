"""Collects the texts shown to people and keeps their Chinese catalogues, without the gettext programs."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TypeGuard

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from deploy.translations import PROJECT
from helpdesk.template_layout import flatten

LOCALE = "zh_Hans"
# Where a text is found decides which catalogue it belongs to; the first match counts.
AREAS = (
    ("portal", ("helpdesk/portal", "templates/portal")),
    ("admin", ("helpdesk/admin", "templates/admin", "templates/unfold")),
    ("api", ("helpdesk/api", "templates/api")),
    ("routing", ("routing", "templates/routing")),
    ("knowledge", ("knowledge", "templates/knowledge")),
    ("channels", ("channels_app", "templates/channels", "templates/channels_app")),
    ("core", ("helpdesk",)),
    ("portal", ("templates",)),
)
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%(?:\([a-z_]+\))?[sd]|\{[a-z_]*\}")
HEADER = """msgid ""
msgstr ""
"Language: zh_Hans\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""

# Whose docstrings the reference of the API shows: what is sent, and what answers calls, with these acts.
API = "helpdesk/api/"
SENT, ANSWERS = "Serializer", "ApiView"
ACTS = {"list", "retrieve", "create", "partial_update", "destroy"}

# What identifies a text: context and English.
Key = tuple[str | None, str]


@dataclass
class Text:
    """One text as the code has it."""

    english: str | tuple[str, ...]
    context: str | None
    places: set[str] = field(default_factory=set)

    @property
    def key(self) -> Key:
        return self.context, self.english if isinstance(self.english, str) else self.english[0]


def collect() -> dict[str, dict[Key, Text]]:
    """Return the texts of every area by their keys."""
    areas: dict[str, dict[Key, Text]] = {}
    for path in _sources():
        place = path.relative_to(PROJECT).as_posix()
        texts = areas.setdefault(_area(place), {})
        shown = docstrings_in(path) if place.startswith(API) else ()
        for english, context in (*texts_in(path), *shown):
            text = Text(english, context)
            known = texts.setdefault(text.key, text)
            if isinstance(english, tuple):
                known.english = english
            known.places.add(place)
    return {area: texts for area, texts in areas.items() if texts}


def problems() -> list[str]:
    """Return what is missing, uncertain, empty, different in its placeholders, or told in two ways."""
    found: list[str] = []
    chinese: dict[Key, dict[str, str]] = {}
    for area, texts in sorted(collect().items()):
        catalogue = _read(area)
        for key, text in sorted(texts.items(), key=_order):
            message = catalogue.get(key[1], context=key[0])
            found += [f"{area}: {trouble}: {key[1]!r}" for trouble in troubles(text, message)]
            if message is not None:
                chinese.setdefault(key, {}).setdefault(str(message.string), area)
    for key, wordings in chinese.items():
        if len(wordings) > 1:
            areas = " and ".join(wordings.values())
            found.append(f"{areas}: different translations: {key[1]!r}")
    return found


def update() -> dict[str, int]:
    """Bring every catalogue in line with the code; return how many texts of each wait for a translation.

    Translations are kept, and copied from another area that has the same text.
    """
    collected = collect()
    catalogues = {area: _read(area) for area in collected}
    waiting = {}
    for area, texts in collected.items():
        others = [catalogues[area], *(catalogues[name] for name in catalogues if name != area)]
        fresh = Catalog(locale=LOCALE)
        for _, text in sorted(texts.items(), key=_order):
            places = [(place, 0) for place in sorted(text.places)]
            chinese = _translation(text, others)
            fresh.add(text.english, chinese, places, context=text.context)
        _write(area, fresh)
        waiting[area] = sum(1 for message in fresh if message.id and not any(_strings(message)))
    return waiting


def _order(item: tuple[Key, Text]) -> tuple[str, str]:
    context, english = item[0]
    return english, context or ""


def _sources() -> Iterator[Path]:
    for folder in ("helpdesk", "routing", "knowledge", "channels_app", "templates"):
        for pattern in ("*.py", "*.html", "*.txt"):
            for path in sorted((PROJECT / folder).rglob(pattern)):
                if "migrations" not in path.parts:
                    yield path


def _area(place: str) -> str:
    return next(
        area for area, folders in AREAS if any(place.startswith(f"{folder}/") for folder in folders)
    )


def texts_in(path: Path) -> Iterator[tuple[str | tuple[str, ...], str | None]]:
    """Yield each text of a Python file or template with its context."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        # Everything but the texts becomes an X; on one line, as it is compiled, that reads as Python.
        source = templatize(flatten(source), origin=str(path))
    for _, english, _, context in extract("python", BytesIO(source.encode()), KEYWORDS):
        if isinstance(english, str):
            yield english, context
        else:
            yield tuple(part for part in english if part)[:2], context


def docstrings_in(path: Path) -> Iterator[tuple[str, None]]:
    """Yield the docstrings of a module that the reference of the API shows."""
    answering = {ANSWERS}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ClassDef):
            continue
        answers = any(isinstance(base, ast.Name) and base.id in answering for base in node.bases)
        if answers:
            answering.add(node.name)
        if answers or node.name.endswith(SENT):
            acts = filter(_is_act, node.body) if answers else ()
            found = [ast.get_docstring(each) for each in (node, *acts)]
            yield from ((text, None) for text in found if text)


def _is_act(node: ast.stmt) -> TypeGuard[ast.FunctionDef]:
    return isinstance(node, ast.FunctionDef) and node.name in ACTS


def troubles(text: Text, message: Message | None) -> list[str]:
    """Return what is wrong with the translation of one text."""
    if message is None:
        return ["missing"]
    if message.fuzzy:
        return ["fuzzy"]
    strings = _strings(message)
    if not all(strings):
        return ["empty"]
    english = text.english if isinstance(text.english, str) else text.english[-1]
    wanted = sorted(PLACEHOLDER.findall(english))
    return ["other placeholders"] if sorted(PLACEHOLDER.findall(strings[0])) != wanted else []


def _strings(message: Message) -> list[str]:
    string = message.string or ""
    return [string] if isinstance(string, str) else list(string)


def _translation(text: Text, catalogues: list[Catalog]) -> str | tuple[str, ...]:
    for catalogue in catalogues:
        message = catalogue.get(text.key[1], context=text.context)
        if message is not None and all(_strings(message)) and not message.fuzzy:
            first = _strings(message)[0]
            return first if isinstance(text.english, str) else (first,)
    return "" if isinstance(text.english, str) else ("",)


def _file(area: str) -> Path:
    return PROJECT / "locale" / area / LOCALE / "LC_MESSAGES" / "django.po"


def _read(area: str) -> Catalog:
    path = _file(area)
    if not path.exists():
        return Catalog(locale=LOCALE)
    with path.open("rb") as source:
        return read_po(source, locale=LOCALE)


def _write(area: str, catalogue: Catalog) -> None:
    path = _file(area)
    path.parent.mkdir(parents=True, exist_ok=True)
    body = BytesIO()
    write_po(body, catalogue, width=0, omit_header=True, include_lineno=False)
    path.write_text(HEADER + body.getvalue().decode().strip() + "\n", encoding="utf-8")
