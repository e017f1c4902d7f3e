"""What administrators change takes effect, keeps the rules and leaves a trail."""

from collections.abc import Callable

from django.test import Client
from django.utils.translation import override

from helpdesk import permissions
from helpdesk.access import access_of
from helpdesk.models import (
    AuditEntry,
    Channel,
    Conversation,
    Department,
    EscalationLevel,
    EscalationPath,
    ObjectGrant,
    Queue,
    Role,
    RoleGrant,
    Staff,
    Topic,
)
from helpdesk.registries import skill_notes
from helpdesk.services import grants
from tests.factories import World
from tests.helpdesk.admin.conftest import fill
from tests.helpdesk.admin.forms import inline, staff_form, trail

Browser = Callable[..., Client]
PAYLOAD = "<script>window.__pwn=1</script>\"'><img src=x onerror=alert(1)>"


def test_a_department_below_itself_is_refused_at_its_field(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    with world.transaction():
        root = Department.objects.get(parent=None)
    fields = {"name": root.name, "name_en": "", "color": "other", "order": 0}
    url = f"/admin/helpdesk/department/{root.pk}/change/"
    refused = client.post(url, {**fields, "parent": world.support.pk})
    assert refused.status_code == 200
    assert refused.context["adminform"].form.errors["parent"]
    assert client.post(url, {**fields, "parent": ""}).status_code == 302


def test_a_topic_below_itself_is_refused_at_its_field(world: World, browser: Browser) -> None:
    parent = world.topic("上", world.support)
    child = world.topic("下", world.support, parent=parent)
    client = browser(world.alice)
    fields = {
        "name": "上", "name_en": "", "department": world.support.pk, "description": "",
        "skill": "", "minimum_level": 0, "keywords": "退货，退款, 换货\n七天",
        "base_urgency": 20, "order": 0, "is_active": "on", **inline("examples", []),
    }  # fmt: skip
    url = f"/admin/helpdesk/topic/{parent.pk}/change/"
    refused = client.post(url, {**fields, "parent": child.pk})
    assert refused.context["adminform"].form.errors["parent"]
    assert client.post(url, {**fields, "parent": ""}).status_code == 302
    with world.transaction():
        assert Topic.objects.get(pk=parent.pk).keywords == ["退货", "退款", "换货", "七天"]


def test_a_path_that_leads_back_is_refused_at_its_field(world: World, browser: Browser) -> None:
    fill(world)
    client = browser(world.alice)
    with world.transaction():
        first = EscalationPath.objects.get()
        second = EscalationPath.objects.create(name="第二条", next_path=first)
        level = first.levels.get()
    row = {
        "id": level.pk, "path": first.pk, "order": 1, "name": "一线", "name_en": "",
        "department": world.support.pk, "role": "", "timer": "00:05:00",
    }  # fmt: skip
    fields = {"name": "升级", "name_en": "", "is_active": "on", "department": "", "topic": ""}
    url = f"/admin/helpdesk/escalationpath/{first.pk}/change/"
    sent = {**fields, **inline("levels", [row], initial=1)}
    refused = client.post(url, {**sent, "next_path": second.pk})
    assert refused.context["adminform"].form.errors["next_path"]
    assert client.post(url, {**sent, "next_path": ""}).status_code == 302


def test_levels_are_edited_in_place_and_numbered_anew(world: World, browser: Browser) -> None:
    fill(world)
    client = browser(world.alice)
    with world.transaction():
        path = EscalationPath.objects.get()
        level = path.levels.get()
    common = {"path": path.pk, "name_en": "", "department": world.support.pk, "role": ""}
    rows = [
        {**common, "id": level.pk, "order": 1, "name": "一线", "timer": "00:05:00"},
        {**common, "id": "", "order": 0, "name": "前台", "timer": "00:02:00"},
    ]
    fields = {"name": "升级", "name_en": "", "is_active": "on", "department": "", "topic": ""}
    url = f"/admin/helpdesk/escalationpath/{path.pk}/change/"
    response = client.post(url, {**fields, "next_path": "", **inline("levels", rows, initial=1)})
    assert response.status_code == 302
    with world.transaction():
        found = list(EscalationLevel.objects.order_by("order").values_list("order", "name"))
    assert found == [(1, "前台"), (2, "一线")]
    zero = [{**rows[0], "timer": "00:00:00"}]
    refused = client.post(url, {**fields, "next_path": "", **inline("levels", zero, initial=1)})
    assert refused.status_code == 200
    nothing = [{**rows[0], "DELETE": "on"}]
    refused = client.post(url, {**fields, "next_path": "", **inline("levels", nothing, initial=1)})
    assert refused.status_code == 200


def test_an_object_permission_takes_effect_at_once(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    base = f"/admin/helpdesk/department/{world.support.pk}/permissions/"
    chosen = client.post(base, {"user": world.frank.pk})
    url = f"{base}user-manage/{world.frank.user_id}/"
    assert chosen["Location"] == url
    sent = {"permissions": [permissions.CONVERSATION_VIEW]}
    assert client.post(url, sent).status_code == 302
    with world.transaction():
        frank = Staff.objects.get(pk=world.frank.pk)
        assert world.support.pk in access_of(frank).allowed(permissions.CONVERSATION_VIEW)
        assert ObjectGrant.objects.get().staff == frank
        assert grants.violations() == []
    assert b"See conversations" in client.get(base).content
    assert client.post(url, {"permissions": ["role_give"]}).status_code == 200
    assert client.post(url, {"permissions": []}).status_code == 302
    assert not world.access("frank").allowed(permissions.CONVERSATION_VIEW)
    assert trail(world).count("object.granted") == 2


def test_a_role_taken_away_takes_effect_at_once(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    with world.transaction():
        grant = RoleGrant.objects.get(staff=world.carol)
    assert world.access("carol").allowed(permissions.CONVERSATION_REPLY)
    url = f"/admin/helpdesk/rolegrant/{grant.pk}/delete/"
    assert client.post(url, {"post": "yes"}).status_code == 302
    assert not world.access("carol").allowed(permissions.CONVERSATION_REPLY)
    assert "role.revoked" in trail(world)


def test_a_role_that_loses_a_permission_takes_it_from_its_holders(
    world: World, browser: Browser
) -> None:
    client = browser(world.alice)
    role = world.roles["agent"]
    sent = {
        "name": "客服", "name_en": "", "description": "", "permissions": ["conversation_view"],
        "answers_all_topics": "on", **inline("role_topics", []),
    }  # fmt: skip
    assert client.post(f"/admin/helpdesk/role/{role.pk}/change/", sent).status_code == 302
    assert not world.access("carol").allowed(permissions.CONVERSATION_REPLY)
    assert world.access("carol").allowed(permissions.CONVERSATION_VIEW)
    assert "role.changed" in trail(world)


def test_whoever_may_answer_also_sees(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    sent = {
        "name": "外援", "name_en": "Helper", "description": "",
        "permissions": [permissions.CONVERSATION_REPLY],
        "answers_all_topics": "on", **inline("role_topics", []),
    }  # fmt: skip
    assert client.post("/admin/helpdesk/role/add/", sent).status_code == 302
    with world.transaction():
        helper = Role.objects.get(name="外援")
        grants.grant_role(Staff.objects.get(pk=world.erin.pk), helper, world.support)
    assert world.support.pk in world.access("erin").allowed(permissions.CONVERSATION_VIEW)
    url = f"/admin/helpdesk/department/{world.support.pk}/permissions/"
    sent = {"permissions": [permissions.CONVERSATION_REPLY]}
    person = f"{url}user-manage/{world.frank.user_id}/"
    assert client.post(person, sent).status_code == 302
    assert world.support.pk in world.access("frank").allowed(permissions.CONVERSATION_VIEW)
    # Seeing does not mean answering, and another department stays closed.
    assert client.post(person, {"permissions": [permissions.CONVERSATION_VIEW]}).status_code == 302
    assert not world.access("frank").allowed(permissions.CONVERSATION_REPLY)
    assert world.sales.pk not in world.access("frank").allowed(permissions.CONVERSATION_VIEW)
    with world.transaction():
        assert grants.violations() == []


def test_the_last_administrator_stays(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    with world.transaction():
        grant = RoleGrant.objects.get(staff=world.alice)
        role = Role.objects.get(pk=world.roles["administrator"].pk)
    for url, sent in [
        (f"/admin/helpdesk/rolegrant/{grant.pk}/delete/", {"post": "yes"}),
        (f"/admin/helpdesk/role/{role.pk}/delete/", {"post": "yes"}),
        (
            f"/admin/helpdesk/role/{role.pk}/change/",
            {"name": role.name, "permissions": [], **inline("role_topics", [])},
        ),
        (
            f"/admin/helpdesk/staff/{world.alice.pk}/change/",
            {
                k: v
                for k, v in staff_form(
                    world,
                    name="Alice",
                    **inline("role_grants", [{"id": grant.pk, "staff": world.alice.pk}], initial=1),
                ).items()
                if k != "is_active"
            },
        ),
    ]:
        response = client.post(url, sent, follow=True)
        assert "Somebody must go on administering" in response.content.decode(), url
        assert world.access("alice").is_administrator, url


def test_the_default_queue_is_replaced_never_removed(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    with world.transaction():
        default = Queue.objects.get(is_default=True)
        other = Queue.objects.get(name="销售队列")
    fields = {"name": default.name, "name_en": "", "department": world.support.pk}
    url = f"/admin/helpdesk/queue/{default.pk}/change/"
    assert client.post(url, fields).context["adminform"].form.errors["is_default"]
    assert client.get(f"/admin/helpdesk/queue/{default.pk}/delete/").status_code == 404
    sent = {"name": other.name, "department": world.sales.pk, "is_default": "on"}
    assert client.post(f"/admin/helpdesk/queue/{other.pk}/change/", sent).status_code == 302
    with world.transaction():
        assert Queue.objects.get(is_default=True) == other


def test_hostile_names_are_text(world: World, browser: Browser) -> None:
    ids = fill(world)
    with world.transaction():
        for model in (Department, Role, Staff, Topic, Queue, EscalationPath, Channel):
            model.objects.filter(pk=ids[model._meta.model_name or ""]).update(name=PAYLOAD[:80])
    client = browser(world.alice)
    urls = ["/admin/", f"/admin/helpdesk/staff/{ids['staff']}/explain/?conversation={PAYLOAD[:20]}"]
    for name in ids:
        urls += [f"/admin/helpdesk/{name}/", f"/admin/helpdesk/{name}/{ids[name]}/change/"]
    urls += [f"/admin/helpdesk/department/{ids['department']}/permissions/"]
    urls += ["/admin/search/?s=script&extended=1"]
    for url in urls:
        content = client.get(url, follow=True).content.decode()
        assert "<script>window" not in content, url
        assert "<img src=x" not in content, url


def test_the_explanation_says_what_holds_and_where_it_comes_from(
    world: World, browser: Browser
) -> None:
    received = world.message("怎么退货?")
    with world.transaction():
        conversation = Conversation.objects.get()
    client = browser(world.alice)
    assert received is not None
    url = f"/admin/helpdesk/staff/{world.carol.pk}/explain/?conversation=c-{conversation.pk}"
    context = client.get(url).context
    for verdict in context["verdicts"]:
        assert bool(verdict.sources) == verdict.is_allowed
    with override("en"):
        allowed = {str(row.sentence) for row in context["verdicts"] if row.is_allowed}
    assert "Answer customers" in allowed
    assert "Assign conversations to colleagues" not in allowed
    assert [place.subject for place in context["places"]] == [world.support]
    frank = client.get(f"/admin/helpdesk/staff/{world.frank.pk}/explain/").context
    assert frank["places"] == []
    unknown = client.get(f"/admin/helpdesk/staff/{world.frank.pk}/explain/?conversation=999999")
    assert b"There is no such conversation." in unknown.content


def test_every_change_shows_in_the_objects_history(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    made = client.post("/admin/helpdesk/skill/add/", {"name": "退货", "name_en": "Returns"})
    assert made.status_code == 302
    assert "skill.created" in trail(world)
    with world.transaction():
        entry = AuditEntry.objects.get(action="skill.created")
        assert entry.staff == world.alice
    page = client.get(f"/admin/helpdesk/skill/{entry.subject_id}/history/").content.decode()
    assert "skill.created" in page
    assert client.post(f"/admin/helpdesk/auditentry/{entry.pk}/delete/").status_code == 404
    assert client.post(f"/admin/helpdesk/auditentry/{entry.pk}/change/", {}).status_code == 404


def test_what_is_deleted_takes_along_what_follows_from_it(world: World, browser: Browser) -> None:
    ids = fill(world)
    client = browser(world.alice)
    with world.transaction():
        empty = Department.objects.create(name="空部门", parent=world.support)
        spare = Role.objects.create(name="备用", permissions=[permissions.CONVERSATION_VIEW])
        grants.grant_role(world.frank, spare, world.sales)
    for name, pk in [
        ("escalationpath", ids["escalationpath"]),
        ("position", ids["position"]),
        ("skill", ids["skill"]),
        ("snippet", ids["snippet"]),
        ("topic", ids["topic"]),
        ("role", spare.pk),
        ("department", empty.pk),
    ]:
        url = f"/admin/helpdesk/{name}/{pk}/"
        assert client.post(f"{url}delete/", {"post": "yes"}).status_code == 302, name
        assert client.get(f"{url}change/").status_code == 404, name
        assert f"{name}.deleted" in trail(world)
    assert not world.access("frank").allowed(permissions.CONVERSATION_VIEW)
    with world.transaction():
        assert grants.violations() == []
    # What is in use stays, and the page says by what.
    kept = client.post(f"/admin/helpdesk/department/{world.support.pk}/delete/", {"post": "yes"})
    assert kept.status_code == 200
    assert client.get(f"/admin/helpdesk/department/{world.support.pk}/change/").status_code == 200


def test_a_related_row_is_added_in_a_window_of_its_own(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    sent = {"name": "退货", "name_en": "", "_popup": "1"}
    response = client.post("/admin/helpdesk/skill/add/?_popup=1", sent)
    assert response.status_code == 200
    assert b"popup_response.js" in response.content
    assert b"<script>" not in response.content


def test_what_is_known_of_a_skill_stands_beside_its_level_and_nobody_writes_it(
    world: World, browser: Browser
) -> None:
    skill = world.skill("退货", carol=3, dave=2)
    asked: list[int] = []

    def known(staff_id: int) -> dict[int, str]:
        asked.append(staff_id)
        return {skill.pk: f"<b>lately 3.4</b> of {staff_id}"}

    client = browser(world.alice)
    url = f"/admin/helpdesk/staff/{world.carol.pk}/change/"
    with skill_notes.registered("test", known):
        page = client.get(url).content.decode()
    assert f"&lt;b&gt;lately 3.4&lt;/b&gt; of {world.carol.pk}" in page
    assert asked == [world.carol.pk]
    assert 'name="skills-0-level"' in page
    assert 'name="skills-0-lately"' not in page
    assert "lately 3.4" not in client.get(url).content.decode()
