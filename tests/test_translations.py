"""Every text shown to people has its Chinese, and the check notices when one has not."""

import re

import pytest
from babel.messages.catalog import Catalog

from deploy import catalogues
from deploy.catalogues import Text
from tests.source import PROJECT, text

# A colon between two characters is a time's: 时:分:秒.
NARROW = re.compile(r'^(?:msgstr\S* )?".*[\u4e00-\u9fff」](?:[,;!?]|:(?!分|秒))', re.MULTILINE)


def test_every_text_is_translated():
    found = catalogues.problems()
    assert not found, "\n".join(found)


def test_chinese_has_full_width_punctuation():
    found = {
        f"{path.parts[-4]}: {line.group()}"
        for path in (PROJECT / "locale").glob("*/zh_Hans/LC_MESSAGES/django.po")
        for line in NARROW.finditer(text(path))
    }
    assert found == set()


@pytest.mark.parametrize(
    ("chinese", "flags", "trouble"),
    [
        ("%(count)s 条消息", (), []),
        ("", (), ["empty"]),
        ("%(count)s 条消息", ("fuzzy",), ["fuzzy"]),
        ("%(number)s 条消息", (), ["other placeholders"]),
        ("消息", (), ["other placeholders"]),
    ],
)
def test_a_translation_keeps_its_placeholders(chinese, flags, trouble):
    catalogue = Catalog(locale=catalogues.LOCALE)
    message = catalogue.add("%(count)s messages", chinese, flags=flags)
    assert catalogues.troubles(Text("%(count)s messages", None), message) == trouble


def test_a_text_without_an_entry_is_missing():
    assert catalogues.troubles(Text("Send", None), None) == ["missing"]


def test_texts_are_found_in_templates_and_in_python(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        "{% load i18n %}\n  <p>{% translate 'Send' %}</p>\n"
        "{% blocktranslate count n=n %}one reply{% plural %}{{ n }} replies{% endblocktranslate %}\n"
        "{{ _('Close')|default:'it' }} it's {% translate 'May' context 'month' %}"
    )
    module = tmp_path / "module.py"
    module.write_text('label = _("Take")\nhelp = gettext_lazy("Wait") + ngettext("a", "b", 2)\n')
    assert set(catalogues.texts_in(page)) == {
        ("Send", None),
        (("one reply", "%(n)s replies"), None),
        ("Close", None),
        ("May", "month"),
    }
    assert set(catalogues.texts_in(module)) == {
        ("Take", None),
        ("Wait", None),
        (("a", "b"), None),
    }
