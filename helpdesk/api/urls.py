"""Addresses of the REST API; `/api/v1/` keeps its meaning for as long as it exists."""

from typing import Any

from django.urls import path, re_path

from helpdesk.api.calls import Calls
from helpdesk.api.conversations import Conversations, Messages, MessageTemplates
from helpdesk.api.links import ConversationMerges, Splits
from helpdesk.api.merges import Merges, Suggestions
from helpdesk.api.people import Colleagues, Customers, Topics
from helpdesk.api.problems import meaning, not_found
from helpdesk.api.schema import Schema, docs
from helpdesk.api.search import Search

app_name = "api"

LIST: dict[str, Any] = {"get": "list"}  # Any: the stub's type is invariant
ONE: dict[str, Any] = {"get": "retrieve"}

urlpatterns = [
    path("schema/", Schema.as_view(), name="schema"),
    path("docs/", docs, name="docs"),
    path("problems/<slug:code>/", meaning, name="problem"),
    path("v1/conversations/", Conversations.as_view(LIST), name="conversations"),
    path(
        "v1/conversations/<int:conversation_id>/", Conversations.as_view(ONE), name="conversation"
    ),
    path(
        "v1/conversations/<int:conversation_id>/messages/",
        Messages.as_view(LIST | {"post": "create"}),
        name="messages",
    ),
    path(
        "v1/conversations/<int:conversation_id>/templates/",
        MessageTemplates.as_view(LIST),
        name="templates",
    ),
    path(
        "v1/conversations/<int:conversation_id>/calls/",
        Calls.as_view(LIST | {"post": "create"}),
        name="calls",
    ),
    path(
        "v1/conversations/<int:conversation_id>/merges/",
        ConversationMerges.as_view(LIST | {"post": "create"}),
        name="conversation-merges",
    ),
    path(
        "v1/conversations/<int:conversation_id>/merges/<int:link_id>/",
        ConversationMerges.as_view({"delete": "destroy"}),
        name="conversation-merge",
    ),
    path(
        "v1/conversations/<int:conversation_id>/splits/",
        Splits.as_view(LIST | {"post": "create"}),
        name="splits",
    ),
    path(
        "v1/conversations/<int:conversation_id>/splits/<int:link_id>/",
        Splits.as_view({"delete": "destroy"}),
        name="split",
    ),
    path("v1/customers/", Customers.as_view(LIST | {"post": "create"}), name="customers"),
    path(
        "v1/customers/<int:customer_id>/",
        Customers.as_view(ONE | {"patch": "partial_update"}),
        name="customer",
    ),
    path(
        "v1/customers/<int:customer_id>/merges/",
        Merges.as_view(LIST | {"post": "create"}),
        name="merges",
    ),
    path(
        "v1/customers/<int:customer_id>/merges/<int:merge_id>/",
        Merges.as_view({"delete": "destroy"}),
        name="merge",
    ),
    path("v1/suggestions/", Suggestions.as_view(LIST), name="suggestions"),
    path(
        "v1/suggestions/<int:suggestion_id>/",
        Suggestions.as_view({"post": "create", "delete": "destroy"}),
        name="suggestion",
    ),
    path("v1/staff/", Colleagues.as_view(LIST), name="staff"),
    path("v1/staff/<int:staff_id>/", Colleagues.as_view(ONE), name="colleague"),
    path("v1/search/", Search.as_view(LIST), name="search"),
    path("v1/topics/", Topics.as_view(LIST), name="topics"),
    re_path(r"^v1/(?P<rest>.*)$", not_found),
]
