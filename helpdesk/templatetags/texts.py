"""Django's `i18n` tags, with one difference: a text that stands in a template is looked up once per language."""

from django.template import Library, Node
from django.template.base import Parser, Token
from django.template.context import Context
from django.templatetags import i18n
from django.utils.translation import get_language

register = Library()
register.tags |= i18n.register.tags
register.filters |= i18n.register.filters


class ConstantText(Node):
    """A text that is the same at every rendering in one language."""

    def __init__(self, spoken: i18n.TranslateNode) -> None:
        self.spoken = spoken
        self.by_language: dict[str | None, str] = {}

    def render(self, context: Context) -> str:
        language = get_language()
        text = self.by_language.get(language)
        if text is None:
            text = self.by_language[language] = self.spoken.render(context)
        return text


@register.tag("translate")
@register.tag("trans")
def translate(parser: Parser, token: Token) -> Node:
    """Parse `{% translate "..." %}` as Django does."""
    node = i18n.do_translate(parser, token)
    words = token.split_contents()[1:]
    is_constant = all(
        word[0] in "\"'" and word[-1] == word[0] for word in words if word != "context"
    )
    return ConstantText(node) if is_constant else node
