"""What no browser sends by itself is refused at its field, and breaks nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from helpdesk.models import Channel, Snippet, User
from tests.factories import World
from tests.helpdesk.admin.conftest import fill

Browser = Callable[..., Client]


def form_of(client: Client, url: str) -> dict[str, Any]:
    """Return what a browser would send of a page's form."""
    form = client.get(url).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value not in (None, False)}


def test_a_list_of_lines_keeps_no_nul(world: World, browser: Browser) -> None:
    ids = fill(world)
    client = browser(world.alice)
    url = f"/admin/helpdesk/channel/{ids['channel']}/change/"
    form = {"name": "商城", "queue": "", "language": "en", "hold_seconds": 0, "is_active": "on",
        "setting_identity": "optional"}  # fmt: skip
    refused = client.post(url, {**form, "setting_topics": "退\x00货"})
    assert refused.status_code == 200
    assert refused.context["adminform"].form.errors["setting_topics"]
    assert client.post(url, {**form, "setting_topics": "退货"}).status_code == 302
    with world.transaction():
        assert Channel.objects.get(pk=ids["channel"]).settings["topics"] == ["退货"]


def test_a_list_of_words_keeps_no_nul(world: World, browser: Browser) -> None:
    ids = fill(world)
    client = browser(world.alice)
    url = f"/admin/helpdesk/snippet/{ids['snippet']}/change/"
    form = form_of(client, url)
    refused = client.post(url, {**form, "tags": "退\x00货"})
    assert refused.status_code == 200
    assert refused.context["adminform"].form.errors["tags"]
    assert client.post(url, {**form, "tags": "退货"}).status_code == 302
    with world.transaction():
        assert Snippet.objects.get(pk=ids["snippet"]).tags == ["退货"]


@pytest.mark.parametrize("staff", ["9999-12-31", "x", "9" * 30, "\x00", ""])
def test_a_grant_to_nobody_is_refused(world: World, browser: Browser, staff: str) -> None:
    client = browser(world.alice)
    url = "/admin/helpdesk/rolegrant/add/"
    form = {"role": world.roles["agent"].pk, "department": world.sales.pk}
    refused = client.post(url, {**form, "staff": staff})
    assert refused.status_code == 200
    assert refused.context["adminform"].form.errors["staff"]
    assert client.post(url, {**form, "staff": world.carol.pk}).status_code == 302


@pytest.mark.parametrize("odd", ["x" * 100_000, "../etc", "\x00", "9" * 30])
def test_a_time_zone_that_is_none_is_refused(
    browser: Browser, platform_user: User, odd: str
) -> None:
    client = browser(platform_user)
    url = "/platform/django_celery_beat/crontabschedule/add/"
    form = {
        **dict.fromkeys(("hour", "day_of_month", "month_of_year", "day_of_week"), "*"),
        "minute": "5",
        "timezone": "UTC",
        "initial-timezone": "UTC",
    }
    assert client.post(url, {**form, "initial-timezone": odd}).status_code in {200, 302}
    assert client.post(url, {**form, "timezone": odd}).status_code == 200
    assert client.post(url, form).status_code == 302
