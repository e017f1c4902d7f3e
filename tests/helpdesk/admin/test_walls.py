"""Another organization's rows: absent everywhere, for every way of asking."""

import json
from collections.abc import Callable

from django.test import Client

from helpdesk.admin.sites import organization_site
from helpdesk.models import Department, RoleGrant, Staff, Topic
from tests.factories import World
from tests.helpdesk.admin.conftest import fill

Browser = Callable[..., Client]


def foreign_pages(ids: dict[str, int], user_id: int) -> list[str]:
    found = []
    for name, pk in ids.items():
        found += [
            f"/admin/helpdesk/{name}/{pk}/{page}/" for page in ("change", "delete", "history")
        ]
    for name in ("department", "role", "escalationpath"):
        found.append(f"/admin/helpdesk/{name}/{ids[name]}/permissions/")
        found.append(f"/admin/helpdesk/{name}/{ids[name]}/permissions/user-manage/{user_id}/")
        found.append(f"/admin/helpdesk/{name}/{ids[name]}/permissions/group-manage/1/")
    found.append(f"/admin/helpdesk/staff/{ids['staff']}/explain/")
    found.append(f"/admin/helpdesk/staff/{ids['staff']}/invite/")
    found.append(f"/admin/helpdesk/channel/{ids['channel']}/test/")
    return found


def test_foreign_and_absent_ids_answer_404_alike(
    world: World, other_world: World, browser: Browser
) -> None:
    fill(world)
    foreign = fill(other_world)
    absent = dict.fromkeys(foreign, 999_999_999)
    client = browser(world.alice)
    theirs = foreign_pages(foreign, other_world.carol.user_id)
    nobodys = foreign_pages(absent, 999_999_999)
    for url, twin in zip(theirs, nobodys, strict=True):
        for ask in (client.get, client.post):
            answer, other = ask(url), ask(twin)
            assert answer.status_code == other.status_code == 404, (url, twin)
            assert len(answer.content) == len(other.content), (url, twin)


def test_own_object_with_a_foreign_person_is_not_found(
    world: World, other_world: World, browser: Browser
) -> None:
    client = browser(world.alice)
    base = f"/admin/helpdesk/department/{world.support.pk}/permissions"
    assert client.get(f"{base}/user-manage/{world.carol.user_id}/").status_code == 200
    for user_id in [other_world.carol.user_id, 999_999_999, "x"]:
        assert client.get(f"{base}/user-manage/{user_id}/").status_code == 404
    chosen = client.post(f"{base}/", {"user": other_world.carol.pk})
    assert chosen.status_code == 200
    assert b"Select a valid choice" in chosen.content


def test_choices_and_lists_show_own_rows_only(
    world: World, other_world: World, browser: Browser
) -> None:
    fill(world)
    with other_world.transaction():
        secret = Department.objects.create(name="隔壁秘密部门")
        Topic.objects.create(name="隔壁秘密话题", department=secret)
        Staff.objects.filter(pk=other_world.carol.pk).update(name="隔壁秘密同事")
    client = browser(world.alice)
    urls = ["/admin/", "/admin/search/?s=隔壁&extended=1", "/admin/helpdesk/department/?q=隔壁"]
    urls += [
        f"/admin/{model._meta.app_label}/{model._meta.model_name}/{page}"
        for model, admin in organization_site._registry.items()
        for page in (["", "add/"] if admin.can_add else [""])
    ]
    urls += [
        "/admin/autocomplete/?app_label=helpdesk&model_name=rolegrant&field_name=staff&term=",
        f"/admin/helpdesk/department/{world.support.pk}/permissions/",
        "/admin/helpdesk/channel/add/?kind=webchat",
    ]
    for url in urls:
        response = client.get(url, follow=True)
        assert response.status_code == 200, url
        content = response.content.decode()
        assert "隔壁秘密" not in content, url
        assert json.dumps("隔壁秘密")[1:-1] not in content, url


def test_a_foreign_parent_is_refused(world: World, other_world: World, browser: Browser) -> None:
    client = browser(world.alice)
    url = f"/admin/helpdesk/department/{world.support.pk}/change/"
    fields = {"name": "客服部", "name_en": "", "parent": "", "color": "support", "order": "0"}
    assert client.post(url, fields).status_code == 302
    wrong = {**fields, "parent": str(other_world.support.pk)}
    response = client.post(url, wrong)
    assert response.status_code == 200
    assert b"Select a valid choice" in response.content
    with world.transaction():
        assert Department.objects.get(pk=world.support.pk).parent_id is None


def test_a_foreign_role_is_not_given(world: World, other_world: World, browser: Browser) -> None:
    client = browser(world.alice)
    url = "/admin/helpdesk/rolegrant/add/"
    good = {
        "staff": world.frank.pk,
        "role": world.roles["agent"].pk,
        "department": world.sales.pk,
    }
    for name, value in {
        "staff": other_world.frank.pk,
        "role": other_world.roles["agent"].pk,
        "department": other_world.sales.pk,
    }.items():
        assert client.post(url, {**good, name: value}).status_code == 200
    with world.transaction():
        assert not RoleGrant.objects.filter(staff=world.frank).exists()
    assert client.post(url, good).status_code == 302
    with world.transaction():
        assert RoleGrant.objects.filter(staff=world.frank).exists()


def test_an_address_is_no_oracle_for_other_columns(world: World, browser: Browser) -> None:
    fill(world)
    client = browser(world.alice)
    for page, query in [
        ("apitoken", "token_hash__startswith=f"),
        ("staff", "user__password__startswith=argon2"),
        ("staff", "user__email__startswith=a"),
        ("channel", "secret__isnull=0"),
        ("channel", "public_id__startswith=a"),
        ("conversation", "customer__email__startswith=a"),
        ("role", "organization__slug__startswith=a"),
    ]:
        assert client.get(f"/admin/helpdesk/{page}/").status_code == 200
        assert client.get(f"/admin/helpdesk/{page}/?{query}").status_code == 400, query
