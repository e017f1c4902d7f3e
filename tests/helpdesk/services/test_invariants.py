"""The checker proves the laws of the data, and notices when one is broken."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from helpdesk.models import (
    Assignment,
    AuditEntry,
    Channel,
    Conversation,
    ConversationLink,
    Entry,
    Queue,
    Staff,
)
from helpdesk.services import (
    assignment,
    audit,
    joining,
    lifecycle,
    organizations,
    parting,
    replying,
)
from helpdesk.tenancy import organization_scope


def check():
    out = StringIO()
    try:
        call_command("check_invariants", stdout=out)
    except SystemExit as stop:
        return stop.code, out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def history(world):
    carol = world.access("carol")
    ref = world.message().conversation_id
    assignment.take(carol, ref)
    replying.reply(carol, ref, text="您好")
    world.message("好的")
    other = world.message(visitor="v2").conversation_id
    lifecycle.resolve(carol, other)
    return ref


def test_a_lived_in_database_is_clean(world, history):
    code, out = check()
    assert code == 0, out
    assert "I3 0 violations" in out


@pytest.mark.parametrize(
    ("name", "breach"),
    [
        ("I3", lambda ref: Entry.objects.filter(conversation=ref, number=2).delete()),
        ("I5", lambda ref: Staff.objects.filter(load__gt=0).update(load=0)),
        (
            "I4",
            lambda ref: Assignment.objects.filter(conversation=ref).update(
                ended_at=None, ending=""
            ),
        ),
        ("I13", lambda ref: Staff.objects.filter(name="Carol").first().role_grants.all().delete()),
    ],
)
def test_each_breach_is_found(world, history, name, breach):
    with world.transaction():
        if name == "I4":
            held = Conversation.objects.get(pk=history)
            Conversation.objects.filter(pk=held.pk).update(owner=world.people["dave"].pk)
        else:
            breach(history)
    code, out = check()
    assert code == 1
    assert f"{name} 0 violations" not in out


@pytest.mark.parametrize("breach", ["open", "circle", "twice", "none"])
def test_what_is_merged_or_split_wrongly_is_found(world, breach):
    carol = world.access("carol")
    with world.transaction():
        world.channel = organizations.open_channel(Channel(kind="webhook", name="door"))
    first, second = (world.message(thread_key=key).conversation_id for key in "ab")
    world.message("another matter", thread_key="a")
    joining.merge(carol, first, second)
    split = parting.split(carol, first, numbers=[2])
    assert check()[0] == 0
    with world.transaction():
        if breach == "open":
            Conversation.objects.filter(pk=second).update(
                state="queued", queue=Queue.objects.first()
            )
        elif breach == "circle":
            facts = {"kind": "merge", "at": timezone.now(), "by": world.carol}
            ConversationLink.objects.create(source_id=first, target_id=second, **facts)
        else:
            numbers = [2, 2] if breach == "twice" else [99]
            ConversationLink.objects.filter(pk=split.pk).update(numbers=numbers)
    code, out = check()
    assert code == 1
    assert "I4 merged 0 violations" not in out


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_changed_audit_entry_breaks_the_chain(world, history):
    assert audit.seal(timezone.now()) > 0
    with world.transaction():
        assert audit.violations() == []
        pk = AuditEntry.objects.order_by("id").first().pk
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE helpdesk_auditentry NO FORCE ROW LEVEL SECURITY")
        cursor.execute("UPDATE helpdesk_auditentry SET action = 'other' WHERE id = %s", [pk])
        cursor.execute("ALTER TABLE helpdesk_auditentry FORCE ROW LEVEL SECURITY")
    with organization_scope(world.organization.pk), world.transaction():
        assert audit.violations() != []
