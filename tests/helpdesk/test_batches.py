"""Rows stored together are what they would be when stored one by one."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, IntegrityError
from django.utils import timezone

from helpdesk.models import Assignment, AuditEntry, Conversation, Entry
from helpdesk.models.batches import insert_each
from tests.factories import World

AWKWARD = {
    "quotes": "\"'\\ {} [] , NULL null",
    "others": "退货 🔥 \u2028 \x7f",
    "nested": {"list": [1, 2.5, None, True, {"a": []}]},
    "1": "a number as a key",
    "empty": "",
}


@pytest.fixture
def conversation(world: World) -> Conversation:
    return world.conversation(world.message().conversation_id)


def entry(conversation: Conversation, number: int, **facts: Any) -> Entry:
    facts = {"kind": Entry.Kind.QUEUED, "at": timezone.now(), "data": AWKWARD, **facts}
    return Entry(conversation=conversation, number=number, **facts)


def columns(row: Any) -> dict[str, object]:
    return {
        field.attname: getattr(row, field.attname)
        for field in type(row)._meta.concrete_fields
        if not field.primary_key
    }


def test_rows_are_what_django_would_have_stored(world: World, conversation: Conversation) -> None:
    at = datetime(2026, 3, 12, 2, 0, 0, 123456, tzinfo=UTC)
    with world.transaction():
        insert_each([entry(conversation, 101, at=at), entry(conversation, 102, actor_id=None)])
        Entry.objects.bulk_create([entry(conversation, 103, at=at)])
        ours, theirs = (Entry.objects.get(number=number) for number in (101, 103))
        assert columns(ours) | {"number": 0} == columns(theirs) | {"number": 0}
        assert ours.data == AWKWARD


def test_each_row_gets_its_own_id_and_can_be_changed(
    world: World, conversation: Conversation
) -> None:
    with world.transaction():
        made = [entry(conversation, number) for number in range(101, 164)]
        insert_each(made)
        kept = dict(Entry.objects.filter(number__gt=100).values_list("pk", "number"))
        assert {one.pk: one.number for one in made} == kept
        made[5].data = {"changed": True}
        made[5].save()
        assert Entry.objects.get(number=106).data == {"changed": True}


def test_what_the_database_fills_is_left_to_it(world: World, conversation: Conversation) -> None:
    with world.transaction():
        insert_each([AuditEntry(actor="system", action="x", subject="y", data={})])
        row = AuditEntry.objects.get(action="x")
        assert row.transaction > 0
        assert (timezone.now() - row.at).total_seconds() < 60
        insert_each(
            [
                Assignment(
                    conversation=conversation,
                    staff=world.people["carol"],
                    mode=Assignment.Mode.AUTOMATIC,
                    weight=Decimal("0.5"),
                    starts_at=timezone.now(),
                )
            ]
        )
        assert Assignment.objects.get().weight == Decimal("0.5")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"kind": "x" * 21}, DataError),
        ({"data": {"nul": "a\x00b"}}, DataError),
        ({"data": {"odd": object()}}, TypeError),
        ({"number": None}, IntegrityError),
        ({"conversation_id": 10**9}, IntegrityError),
    ],
)
def test_what_does_not_fit_is_refused_whole(
    world: World, conversation: Conversation, change: dict[str, Any], error: type[Exception]
) -> None:
    rows = [entry(conversation, 101), entry(conversation, 102)]
    for name, value in change.items():
        setattr(rows[1], name, value)
    with pytest.raises(error), world.transaction():
        insert_each(rows)
    with world.transaction():
        assert not Entry.objects.filter(number__in=[101, 102]).exists()


def test_nothing_is_stored_for_another_organization(
    world: World, other_world: World, conversation: Conversation
) -> None:
    row = entry(conversation, 101)
    row.organization_id = other_world.organization.pk
    with pytest.raises(Exception, match="row-level security"), world.transaction():
        insert_each([row])


def test_what_only_some_rows_leave_to_the_database_is_refused(world: World) -> None:
    facts = {"actor": "system", "action": "x", "subject": "y", "data": {}}
    with pytest.raises(TypeError, match="DatabaseDefault"), world.transaction():
        insert_each([AuditEntry(**facts), AuditEntry(**facts, transaction=1)])


def test_no_rows_ask_nothing(world: World, django_assert_num_queries: Any) -> None:
    with world.transaction(), django_assert_num_queries(0):
        insert_each([])
