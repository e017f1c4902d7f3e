"""Below the pages: raw SQL, foreign keys, sockets, and ids that come in a body or a query."""

import json
import re

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from channels_app.live import staff_look, staff_view
from helpdesk.errors import HelpdeskError, NoOrganizationScope, NotFound
from helpdesk.models import Conversation, Customer, Identity, OrganizationModel, Staff
from helpdesk.tenancy import organization_scope, organization_transaction
from tests.security.test_foreign_ids import NOISE, answer, call
from tests.security.worlds import ABSENT_ID, CANARY, bearer, browser_of

pytestmark = pytest.mark.xdist_group("foreign rows")

ORGANIZATION_MODELS = [
    model
    for model in apps.get_models()
    if issubclass(model, OrganizationModel) and not model._meta.proxy
]


def counted(table):
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*), count(DISTINCT organization_id) FROM "{table}"')
        return cursor.fetchone()


@pytest.mark.parametrize("model", ORGANIZATION_MODELS, ids=lambda model: model._meta.label)
def test_a_query_outside_a_scope_raises(two, model):
    with pytest.raises(NoOrganizationScope):
        model.objects.count()
    with pytest.raises(NoOrganizationScope):
        model._base_manager.first()


def test_raw_sql_inside_a_scope_sees_own_rows_only(two):
    seen = {}
    for place in two:
        with place.world.transaction():
            for model in ORGANIZATION_MODELS:
                rows, organizations = counted(model._meta.db_table)
                assert organizations <= 1, model
                seen[model] = seen.get(model, 0) + rows
    assert sum(1 for rows in seen.values() if rows) > 25


def test_raw_sql_outside_a_scope_sees_nothing(two):
    with transaction.atomic():
        for model in ORGANIZATION_MODELS:
            assert counted(model._meta.db_table)[0] == 0, model


def test_nothing_is_written_for_another_organization(two):
    own, other = two
    with own.world.transaction():
        stolen = other.world.organization.pk
        for statement in (
            f"INSERT INTO helpdesk_skill (organization_id, name, name_en) VALUES ({stolen}, 'x', '')",
            f"UPDATE helpdesk_customer SET organization_id = {stolen}",
        ):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE helpdesk_customer SET name = 'x' WHERE organization_id = {stolen}"
            )
            assert cursor.rowcount == 0


def test_a_row_cannot_point_at_another_organizations_row(two):
    own, other = two
    foreign, channel = other.first(Customer), own.world.channel
    with pytest.raises(DatabaseError), own.world.transaction():
        Identity.objects.create(customer_id=foreign.pk, channel_id=channel.pk, external_id="x")


def test_the_outer_scope_is_back_after_an_inner_one(two):
    own, other = two
    with organization_transaction(own.world.organization.pk):
        with organization_transaction(other.world.organization.pk):
            assert Conversation.objects.filter(pk=other.conversation_id).exists()
        assert counted("helpdesk_conversation")[0] == Conversation.objects.count()
        assert not Conversation.objects.filter(pk=other.conversation_id).exists()


# --- ids in bodies and queries -----------------------------------------------------------------

# Portal address (of the own conversation) -> fields and what they name.
BODIES = {
    "assign/": {"staff": "staff"},
    "transfer/": {"to": "staff-{staff}"},
    "transfer/ ": {"to": "department-{department}"},
    "transfer/  ": {"to": "skill-{skill}"},
    "topic/": {"topic": "topic"},
    "escalate/": {"path": "escalationpath"},
    "write/": {"kind": "note", "text": "x", "mention": "staff"},
}


def body_for(fields, place):
    def value(kind):
        if kind in {"note", "x"}:
            return kind
        model = re.search(r"\{(\w+)\}", kind)
        name = model.group(1) if model else kind
        found = place.first(apps.get_model("helpdesk", name)).pk if place else ABSENT_ID
        return kind.replace(f"{{{name}}}", str(found)) if model else str(found)

    return {field: value(kind) for field, kind in fields.items()}


@pytest.mark.parametrize("path", BODIES)
def test_a_foreign_id_in_a_body_is_an_unknown_one(two, path):
    own, other = two
    client = browser_of(own.world, "bob")
    address = f"/conversations/{own.conversation_id}/{path.strip()}"
    answers = []
    for place in (other, None):
        response = client.post(address, body_for(BODIES[path], place))
        text = NOISE.sub("#", response.content.decode())
        answers.append((response.status_code, text))
        assert f"{CANARY}-theirs" not in text
    assert answers[0] == answers[1]
    with own.world.transaction():
        held = Conversation.objects.get(pk=own.conversation_id)
        assert held.owner_id == own.world.carol.pk
        foreign = other.world.organization.pk
        for relation in ("topic", "department", "owner"):
            row = getattr(held, relation)
            assert row is None or row.organization_id != foreign


@pytest.mark.parametrize(
    "query",
    [
        "/parts/list/?department={department}&owner={staff}&topic={topic}&customer={customer}",
        "/parts/list/?q=CANARY-theirs",
        "/?conversation={conversation}&open={conversation}",
        "/board/?department={department}",
        "/conversations/{own}/colleagues/?q=CANARY-theirs",
        "/conversations/{own}/snippets/?q=CANARY-theirs",
        "/admin/helpdesk/conversation/?q=CANARY-theirs",
        "/admin/helpdesk/customer/?q=CANARY-theirs",
        "/admin/helpdesk/staff/?department__id__exact={department}",
        "/admin/helpdesk/staff/?user__password__startswith=a",
        "/admin/search/?s=CANARY-theirs",
        "/admin/autocomplete/?app_label=helpdesk&model_name=rolegrant&field_name=staff&term=",
        "/admin/autocomplete/?app_label=helpdesk&model_name=user&field_name=password&term=",
        "/admin/helpdesk/rolegrant/add/?staff={staff}&department={department}",
    ],
)
def test_a_query_cannot_ask_about_another_organization(two, query):
    own, other = two
    client, answers = browser_of(own.world, "alice"), []
    for place in (other, None):
        ids = {
            name: place.first(apps.get_model("helpdesk", name)).pk if place else ABSENT_ID
            for name in re.findall(r"\{(\w+)\}", query)
            if name != "own"
        }
        path = query.format(**ids, own=own.conversation_id)
        path = path if place else path.replace("theirs", "nobody")
        status, location, body = answer(client, "GET", path)
        assert status < 500
        asked = body.replace("CANARY-theirs", "").replace("CANARY-nobody", "")
        assert f"{CANARY}-theirs" not in asked
        assert "@theirs.example" not in asked
        answers.append((status, location, asked))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("model", ["customer", "staff", "rolegrant", "snippet", "topic", "skill"])
def test_a_bulk_action_touches_no_foreign_row(two, model):
    own, other = two
    client = browser_of(own.world, "alice")
    row = other.first(apps.get_model("helpdesk", model))
    for action in ("delete_selected", "deactivate", "revoke"):
        body = {"action": action, "_selected_action": [row.pk], "post": "yes"}
        response = client.post(f"/admin/helpdesk/{model}/", body)
        assert response.status_code < 500
    assert other.first(type(row)).pk == row.pk


def test_a_session_cannot_name_an_organization_one_does_not_belong_to(two):
    own, other = two
    answers = []
    for conversation_id in (other.conversation_id, ABSENT_ID):
        client = browser_of(own.world, "carol")
        session = client.session
        session["organization_id"] = other.world.organization.pk
        session.save()
        answers.append(answer(client, "GET", f"/conversations/{conversation_id}/"))
    assert answers[0] == answers[1]
    assert answers[0][0] in {302, 403, 404}
    switched = client.post("/organization/", {"organization": other.world.organization.pk})
    assert switched.status_code < 500
    assert f"{CANARY}-theirs" not in client.get("/", follow=True).content.decode()


# --- REST and sockets --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["conversations/?customer={}", "conversations/?owner={}", "staff/?department={}"]
)
def test_rest_filters_find_nothing_foreign(two, path):
    own, other = two
    client = bearer(own.api_token)
    ids = {"customer": Customer, "owner": Staff, "department": None}
    name = re.search(r"(\w+)=", path).group(1)
    foreign = other.first(ids[name]).pk if ids[name] else other.world.support.pk
    found = json.loads(call(client, "GET", f"/api/v1/{path.format(foreign)}").content)
    absent = json.loads(call(client, "GET", f"/api/v1/{path.format(ABSENT_ID)}").content)
    assert found == absent
    assert found["results"] == []


@pytest.mark.parametrize("name", ["stranger", "frank", "gina"])
def test_a_socket_answers_about_foreign_conversations_as_about_absent_ones(two, name):
    own, other = two
    place, person = (own, "alice") if name == "stranger" else (other, name)
    client = browser_of(place.world, person)
    reader = staff_view.enter(client.session, place.world.people[person].user)
    for ask in (
        lambda conversation_id: staff_view.missing(reader, conversation_id, 0),
        lambda conversation_id: staff_view.see(reader, conversation_id, 1),
    ):
        for conversation_id in (other.conversation_id, ABSENT_ID):
            with pytest.raises(NotFound):
                ask(conversation_id)
    connected = {reader.staff_id: {reader.way}}
    asked = staff_look.Asked(other.conversation_id, connected, connected, 0, set(), True)
    seen = staff_look.look(place.world.organization.pk, staff_look.Question([asked]))
    assert CANARY not in str(seen)


def test_somebody_who_left_gets_no_socket(two):
    _own, other = two
    client = browser_of(other.world, "dave")
    with organization_scope(other.world.organization.pk), organization_transaction():
        Staff.objects.filter(pk=other.world.dave.pk).update(is_active=False)
    with pytest.raises(HelpdeskError):
        staff_view.enter(client.session, other.world.dave.user)
