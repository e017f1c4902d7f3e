"""What people do with a conversation, as their browser asks for it."""

from datetime import timedelta

import pytest

from helpdesk.models import (
    Entry,
    EscalationLevel,
    EscalationPath,
    Mention,
    Message,
    State,
    Transfer,
)
from helpdesk.services import assignment, escalation
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen


def _path(world: World) -> EscalationPath:
    with world.transaction():
        made = EscalationPath.objects.create(name="技术升级", name_en="Technical")
        for order, department in enumerate((world.support, world.sales), start=1):
            EscalationLevel.objects.create(
                path=made,
                order=order,
                name=department.name,
                department=department,
                timer=timedelta(minutes=15),
            )
    return made


def test_reply_takes_the_conversation_and_is_shown_at_once(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    answer = screen("carol", htmx=True).post(
        f"/conversations/{pk}/write/", {"kind": "reply", "text": "您好", "client_key": "k1"}
    )
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "您好" in page
    assert 'id="thread-head"' in page
    assert world.conversation(pk).owner_id == world.carol.pk


def test_same_reply_sent_twice_is_one_message(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    carol = screen("carol", htmx=True)
    body = {"kind": "reply", "text": "您好", "client_key": "k1"}
    first, second = (carol.post(f"/conversations/{pk}/write/", body) for _ in range(2))
    assert first.status_code == second.status_code == 200
    with world.transaction():
        assert Message.objects.filter(direction="out").count() == 1


def test_empty_reply_is_refused_with_words(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    answer = screen("carol", htmx=True).post(
        f"/conversations/{pk}/write/", {"kind": "reply", "text": "  "}
    )
    assert answer.status_code == 400
    assert "data-error" in answer.content.decode()


def test_without_scripts_a_refused_reply_keeps_what_was_typed(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    too_long = "长" * 20_001
    answer = screen("carol").post(
        f"/conversations/{pk}/write/", {"kind": "reply", "text": too_long}
    )
    assert answer.status_code == 400
    assert too_long in answer.content.decode()


def test_note_calls_a_colleague_in(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    assignment.take(world.access("carol"), pk)
    body = {"kind": "note", "text": "@Erin 请看", "mention": [world.erin.pk]}
    assert screen("carol").post(f"/conversations/{pk}/write/", body).status_code == 302
    with world.transaction():
        assert Mention.objects.get().staff_id == world.erin.pk
    erin = screen("erin")
    page = erin.get(f"/conversations/{pk}/").content.decode()
    assert '<span class="mention">@Erin</span>' in page
    assert f"conversation-{pk}" in erin.get("/?view=mentions").content.decode()


def test_handover_to_a_person_can_be_undone(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    assignment.take(world.access("carol"), pk)
    carol = screen("carol", htmx=True)
    answer = carol.post(
        f"/conversations/{pk}/transfer/", {"to": f"staff-{world.erin.pk}", "note": "请继续"}
    )
    assert "Handed over to Erin" in answer.content.decode()
    assert world.conversation(pk).owner_id == world.erin.pk
    assert "请继续" in screen("erin").get(f"/conversations/{pk}/").content.decode()
    with world.transaction():
        made = Transfer.objects.get()
    undo = f"/conversations/{pk}/transfer/{made.pk}/undo/"
    assert undo in answer.content.decode()
    assert screen("erin", htmx=True).post(undo).status_code == 404
    assert carol.post(undo).status_code == 200
    assert world.conversation(pk).owner_id == world.carol.pk


@pytest.mark.parametrize("to", ["", "staff-0", "department-999", "nobody", "staff-1e9", "skill-"])
def test_handover_to_nobody_names_the_field_and_keeps_the_note(
    world: World, screen: Screen, to: str
) -> None:
    pk = world.message().conversation_id
    assignment.take(world.access("carol"), pk)
    answer = screen("carol", htmx=True).post(
        f"/conversations/{pk}/transfer/", {"to": to, "note": "请继续处理"}
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert answer["HX-Retarget"] == "#dialog"
    assert "Please choose who receives it." in page
    assert "请继续处理" in page


def test_handover_refused_by_the_service_becomes_a_form_error(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    assignment.take(world.access("carol"), pk)
    answer = screen("carol", htmx=True).post(
        f"/conversations/{pk}/transfer/", {"to": f"staff-{world.frank.pk}"}
    )
    assert answer.status_code == 422
    assert "cannot take the conversation" in answer.content.decode()
    assert world.conversation(pk).owner_id == world.carol.pk


def test_snooze_resolve_and_reopen(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    assignment.take(world.access("carol"), pk)
    carol = screen("carol", htmx=True)
    assert carol.post(f"/conversations/{pk}/snooze/", {"choice": "tomorrow"}).status_code == 200
    assert world.conversation(pk).state == State.SNOOZED
    assert carol.post(f"/conversations/{pk}/resolve/").status_code == 200
    assert world.conversation(pk).state == State.RESOLVED
    assert carol.post(f"/conversations/{pk}/reopen/").status_code == 200
    assert world.conversation(pk).state == State.QUEUED


def test_snooze_into_the_past_is_refused_in_words(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    assignment.take(world.access("carol"), pk)
    answer = screen("carol", htmx=True).post(
        f"/conversations/{pk}/snooze/", {"own": "2001-01-01T09:00"}
    )
    assert answer.status_code == 422
    assert "data-error" in answer.content.decode()


def test_supervisor_assigns_above_capacity_with_a_reason_only(world: World, screen: Screen) -> None:
    first, second = (world.message(visitor=name).conversation_id for name in ("v1", "v2"))
    bob = screen("bob", htmx=True)
    assert bob.post(f"/conversations/{first}/assign/", {"staff": world.dave.pk}).status_code == 200
    assert bob.post(f"/conversations/{second}/assign/", {"staff": world.dave.pk}).status_code == 422
    full = {"staff": world.dave.pk, "reason": "knows this customer"}
    assert bob.post(f"/conversations/{second}/assign/", full).status_code == 200
    assert world.conversation(second).owner_id == world.dave.pk


def test_escalation_is_claimed_from_the_board(world: World, screen: Screen) -> None:
    _path(world)
    pk = world.message().conversation_id
    assignment.take(world.access("carol"), pk)
    answer = screen("carol", htmx=True).post(
        f"/conversations/{pk}/escalate/", {"reason": "needs firmware"}
    )
    assert answer.status_code == 200
    page = screen("bob").get("/board/").content.decode()
    assert "needs firmware" in page
    with world.transaction():
        climbing = world.conversation(pk).escalations.get()
    assert f"/escalations/{climbing.pk}/claim/" in page
    assert screen("frank").post(f"/escalations/{climbing.pk}/claim/").status_code == 404
    assert screen("bob").post(f"/escalations/{climbing.pk}/claim/").status_code == 302
    assert world.conversation(pk).owner_id == world.bob.pk


def test_escalation_without_words_is_refused(world: World, screen: Screen) -> None:
    _path(world)
    pk = world.message().conversation_id
    assignment.take(world.access("carol"), pk)
    answer = screen("carol", htmx=True).post(f"/conversations/{pk}/escalate/", {"reason": ""})
    assert answer.status_code == 422
    with world.transaction():
        assert not escalation.Escalation.objects.exists()


def test_topic_is_corrected(world: World, screen: Screen) -> None:
    topic = world.topic("退货", world.support, name_en="Returns")
    pk = world.message().conversation_id
    answer = screen("carol", htmx=True).post(f"/conversations/{pk}/topic/", {"topic": topic.pk})
    assert "Returns" in answer.content.decode()
    assert world.conversation(pk).topic_id == topic.pk


def test_every_kind_of_entry_has_words(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    with world.transaction():
        conversation = world.conversation(pk)
        for kind in Entry.Kind:
            if kind != Entry.Kind.MESSAGE:
                conversation.last_number += 1
                Entry.objects.create(
                    conversation=conversation,
                    number=conversation.last_number,
                    kind=kind,
                    at=conversation.opened_at,
                )
        conversation.save()
    page = screen("carol").get(f"/conversations/{pk}/").content.decode()
    assert page.count('class="sys"') == len(Entry.Kind) - 1


def test_presence_is_chosen(world: World, screen: Screen) -> None:
    carol = screen("carol", htmx=True)
    answer = carol.post("/presence/", {"status": "busy"})
    assert 'value="busy" aria-checked="true"' in answer.content.decode()
    assert carol.post("/presence/", {"status": "dancing"}).status_code == 400


def test_theme_keys_and_language_are_kept(world: World, screen: Screen) -> None:
    carol = screen("carol")
    body = {"language": "zh-hans", "timezone": "Europe/Berlin", "theme": "dark"}
    assert carol.post("/profile/", body).status_code == 302
    page = carol.get("/").content.decode()
    assert 'data-theme="dark"' in page
    assert 'data-keys="off"' in page
    assert '<html lang="zh-hans"' in page


def test_unknown_time_zone_is_named_and_kept(world: World, screen: Screen) -> None:
    answer = screen("carol").post(
        "/profile/", {"language": "en", "timezone": "Mars/Olympus", "theme": "system"}
    )
    assert answer.status_code == 422
    assert "Mars/Olympus" in answer.content.decode()
    assert "Please choose one of the time zones." in answer.content.decode()


def test_resolving_can_be_undone_by_who_resolved(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    assignment.take(world.access("carol"), pk)
    carol, undo = screen("carol", htmx=True), f"/conversations/{pk}/resolve/undo/"
    assert undo in carol.post(f"/conversations/{pk}/resolve/").content.decode()
    assert screen("dave", htmx=True).post(undo).status_code == 404
    assert world.conversation(pk).state == State.RESOLVED
    assert carol.post(undo).status_code == 200
    found = world.conversation(pk)
    assert (found.state, found.owner_id) == (State.OPEN, world.carol.pk)
    assert carol.post(undo).status_code == 409


def test_a_resolution_is_undone_for_half_a_minute(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    assignment.take(world.access("carol"), pk)
    carol = screen("carol", htmx=True)
    carol.post(f"/conversations/{pk}/resolve/")
    with world.transaction():
        last = Entry.objects.get(conversation_id=pk, kind="resolved")
        Entry.objects.filter(pk=last.pk).update(at=last.at - timedelta(seconds=31))
    assert carol.post(f"/conversations/{pk}/resolve/undo/").status_code == 409
    assert world.conversation(pk).state == State.RESOLVED


def test_undoing_without_room_leaves_it_in_the_queue(world: World, screen: Screen) -> None:
    pk, other = (world.message(visitor=f"v{n}").conversation_id for n in range(2))
    assignment.take(world.access("dave"), pk)
    dave = screen("dave", htmx=True)
    dave.post(f"/conversations/{pk}/resolve/")
    assignment.take(world.access("dave"), other)
    assert dave.post(f"/conversations/{pk}/resolve/undo/").status_code == 200
    found = world.conversation(pk)
    assert (found.state, found.owner_id) == (State.QUEUED, None)


def test_a_snooze_is_ended_by_its_undo(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    assignment.take(world.access("carol"), pk)
    carol, wake = screen("carol", htmx=True), f"/conversations/{pk}/wake/"
    assert wake in carol.post(f"/conversations/{pk}/snooze/", {"choice": "hour"}).content.decode()
    assert world.conversation(pk).state == State.SNOOZED
    assert screen("erin", htmx=True).post(wake).status_code == 404
    assert carol.post(wake).status_code == 200
    assert world.conversation(pk).state == State.OPEN
    assert carol.post(wake).status_code == 409


def test_undoing_leaves_it_waiting_for_whom_it_waited(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    carol = screen("carol", htmx=True)
    for answered in (False, True):
        if answered:
            carol.post(f"/conversations/{pk}/write/", {"kind": "reply", "text": "您好"})
        else:
            assignment.take(world.access("carol"), pk)
        carol.post(f"/conversations/{pk}/resolve/")
        assert carol.post(f"/conversations/{pk}/resolve/undo/").status_code == 200
        found = world.conversation(pk)
        assert found.state == (State.WAITING if answered else State.OPEN)
        assert (found.waiting_since is None) == answered
