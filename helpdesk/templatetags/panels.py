"""`{% panel "routing:why" id %}` puts another app's panel into a page, by its address."""

import copy

from django import template
from django.http import Http404, HttpRequest
from django.template.base import FilterExpression, Node, Parser, Token
from django.template.context import Context
from django.urls import NoReverseMatch, resolve, reverse
from django_htmx.middleware import HtmxDetails

from helpdesk.errors import HelpdeskError

register = template.Library()


class PanelNode(Node):
    """Answers the panel's address inside the running request: one sign-in, one transaction, no second trip."""

    def __init__(self, name: FilterExpression, arguments: list[FilterExpression]) -> None:
        self.name = name
        self.arguments = arguments

    def render(self, context: Context) -> str:
        arguments = [argument.resolve(context) for argument in self.arguments]
        try:
            url = reverse(self.name.resolve(context), args=arguments)
        except NoReverseMatch:
            return ""
        match = resolve(url)
        try:
            response = match.func(
                inner_request(context["request"], url), *match.args, **match.kwargs
            )
        except (Http404, HelpdeskError):
            return ""
        return str(response.content.decode()) if response.status_code == 200 else ""


def inner_request(request: HttpRequest, url: str) -> HttpRequest:
    """Return the request as htmx would make it for the fragment at `url`, with the same person asking."""
    inner = copy.copy(request)
    inner.META = {**request.META, "HTTP_HX_REQUEST": "true"}
    inner.__dict__.pop("headers", None)
    inner.method, inner.path, inner.path_info = "GET", url, url
    inner.htmx = HtmxDetails(inner)  # type: ignore[attr-defined]  # set by django-htmx's middleware
    return inner


@register.tag
def panel(parser: Parser, token: Token) -> PanelNode:
    """Parse `{% panel name argument ... %}`."""
    _tag, name, *arguments = token.split_contents()
    return PanelNode(
        parser.compile_filter(name), [parser.compile_filter(each) for each in arguments]
    )
