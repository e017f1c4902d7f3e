"""Every address the project answers, found by walking its URL patterns."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern
from django.utils.regex_helper import normalize

_PLACE = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Address:
    """One URL pattern: its name with namespaces, and its path with {places} for arguments."""

    name: str
    path: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return the names of the places in the path."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))

    def filled(self, values: dict[str, object]) -> str:
        """Return a path to call; raises KeyError for a place that nobody can fill."""
        return self.path.format(**{name: values[name] for name in self.arguments})


def addresses() -> list[Address]:
    """Return every address, in order, each once."""
    return sorted(set(_walk(get_resolver())), key=lambda found: (found.path, found.name))


def _walk(
    resolver: URLResolver, path: str = "/", namespaces: tuple[str, ...] = ()
) -> Iterator[Address]:
    for found in resolver.url_patterns:
        below = path + _template(found.pattern)
        if isinstance(found, URLPattern):
            yield Address(":".join([*namespaces, found.name or ""]), below)
        else:
            inner = [*namespaces, found.namespace] if found.namespace else namespaces
            yield from _walk(found, below, tuple(inner))


def _template(pattern: object) -> str:
    if isinstance(pattern, RoutePattern):
        return _PLACE.sub(r"{\1}", str(pattern))
    assert isinstance(pattern, RegexPattern)
    text, _arguments = normalize(pattern.regex.pattern)[0]
    return re.sub(r"%\((\w+)\)s", r"{\1}", text)
