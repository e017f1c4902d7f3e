"""How templates are laid out is for their readers only."""

from pathlib import Path

import pytest
from django.template import engines
from django.template.loader import get_template

from helpdesk.template_layout import flatten


@pytest.mark.parametrize(
    ("source", "compiled"),
    [
        ("<ul>\n  <li>\n    {{ a }}\n  </li>\n</ul>\n", "<ul><li>{{ a }}</li></ul>"),
        ("{% if a %}\n  {{ b }}\n{% endif %}", "{% if a %}{{ b }}{% endif %}"),
        ('<a class="x"\n    href="y">z</a>', '<a class="x" href="y">z</a>'),
        ("<p>one\n  two</p>", "<p>one two</p>"),
        ("<b>one</b> {{ two }}", "<b>one</b> {{ two }}"),
        ("<b>one</b>\n  two", "<b>one</b> two"),
    ],
)
def test_layout_is_not_sent(source: str, compiled: str) -> None:
    assert flatten(source) == compiled


def test_our_templates_are_compiled_without_it() -> None:
    ours = get_template("portal/fragments/entry.html").template
    assert "\n" in Path(ours.origin.name).read_text().strip()
    assert "\n" not in ours.source


def test_those_of_packages_stay_as_they_are() -> None:
    assert "\n" in engines["django"].get_template("admin/base.html").template.source
