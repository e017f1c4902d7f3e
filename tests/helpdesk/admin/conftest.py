"""Browsers for the two admin sites, and an organization with one row of everything."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from helpdesk.models import (
    ApiToken,
    AuditEntry,
    Channel,
    Conversation,
    Customer,
    EscalationLevel,
    EscalationPath,
    KindLoad,
    MessageTemplate,
    Position,
    Queue,
    Skill,
    Snippet,
    Staff,
    TopicExample,
    User,
)
from tests.factories import World


@pytest.fixture(autouse=True)
def plain_files(settings: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def browser() -> Callable[[User | Staff], Client]:
    """Return a function that gives a browser in which somebody is signed in."""

    def sign_in(person: User | Staff) -> Client:
        client = Client(headers={"accept-language": "en"})
        if isinstance(person, Staff):
            client.force_login(person.user, "django.contrib.auth.backends.ModelBackend")
            session = client.session
            session["organization_id"] = person.organization_id
            session.save()
        else:
            client.force_login(person, "django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in


@pytest.fixture
def platform_user(transactional_db: None) -> User:
    return User.objects.create_superuser("root@platform.example", "a-long-test-password", name="R")


def fill(world: World) -> dict[str, int]:
    """Make one row of everything the organization site shows; returns ids by model name."""
    topic = world.topic("物流", world.support, keywords=["快递"])
    world.message("我的快递到哪了?")
    with world.transaction():
        path = EscalationPath.objects.create(name="升级", department=world.support)
        EscalationLevel.objects.create(
            path=path, order=1, name="一线", department=world.support, timer=timedelta(minutes=5)
        )
        TopicExample.objects.create(topic=topic, text="到哪了")
        token = ApiToken.objects.create(staff=world.alice, name="crm", token_hash="f" * 64)
        rows = [
            world.organization,
            world.support,
            Position.objects.create(name="客服专员"),
            Skill.objects.create(name="物流"),
            Queue.objects.get(name="销售队列"),
            topic,
            Snippet.objects.create(shortcut="hi", title="你好", text_zh="你好"),
            world.roles["agent"],
            world.carol.role_grants.get(),
            world.carol,
            path,
            Channel.objects.get(),
            MessageTemplate.objects.create(
                channel=Channel.objects.get(), name="order_shipped", text="{{1}}"
            ),
            KindLoad.objects.create(kind="webchat"),
            token,
            Customer.objects.get(),
            Conversation.objects.get(),
        ]
    ids = {row._meta.model_name: row.pk for row in rows}
    with world.transaction():
        ids["auditentry"] = AuditEntry.objects.order_by("id")[0].pk
    return ids
