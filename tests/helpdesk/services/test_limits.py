"""What a platform sets to answers: the time is told beforehand, and an answer that comes too late is refused."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from helpdesk.errors import Refused
from helpdesk.models import Attachment, Channel, Conversation, Delivery, Outbox
from helpdesk.portal.threads import read_thread
from helpdesk.registries import ChannelKind, FileLimit, Limits, channel_kinds
from helpdesk.services import announcing, limits, replying
from tests.factories import World

DAY = timedelta(hours=24)


def _limits(settings):
    return Limits(text_max=100, reply_window=7 * DAY if settings.get("is_patient") else DAY)


KIND = ChannelKind(label="Pigeon", limits=_limits)


@pytest.fixture
def asked(world: World, clock):
    """Return a conversation in which the customer has just written, on a platform with a window."""
    with channel_kinds.registered("webchat", KIND):
        yield world.message("有人吗？").conversation_id


def found(world: World, conversation_id: int) -> Conversation:
    with world.transaction():
        return Conversation.objects.select_related("channel", "customer").get(pk=conversation_id)


def test_an_answer_is_taken_until_the_window_closes_and_not_afterwards(world, asked, clock):
    clock[0] += DAY - timedelta(seconds=1)
    replying.reply(world.access("carol"), asked, text="来了")
    clock[0] += timedelta(seconds=1)
    with pytest.raises(Refused) as refused:
        replying.reply(world.access("carol"), asked, text="太晚了")
    assert refused.value.details["gate"] == limits.GATE
    assert "Pigeon" in str(refused.value.message)
    assert "24" in str(refused.value.message)
    with world.transaction():
        assert Outbox.objects.count() == 1


def test_what_the_customer_writes_opens_it_again(world, asked, clock):
    clock[0] += 2 * DAY
    world.message("还在吗？")
    replying.reply(world.access("carol"), asked, text="在的")


def test_what_a_channel_is_set_to_counts(world, asked, clock):
    with world.transaction():
        Channel.objects.update(settings={"is_patient": True})
    clock[0] += 6 * DAY
    replying.reply(world.access("carol"), asked, text="来了")


def test_a_note_needs_no_window(world, asked, clock):
    clock[0] += 2 * DAY
    replying.note(world.access("carol"), asked, text="太晚了")


def test_other_platforms_set_no_time(world, clock):
    conversation_id = world.message("有人吗？").conversation_id
    clock[0] += 30 * DAY
    assert limits.closes_at(found(world, conversation_id)) is None
    replying.reply(world.access("carol"), conversation_id, text="来了")


def test_the_thread_says_until_when_and_then_why_not(world, asked, clock):
    access = world.access("carol")
    with world.transaction():
        thread = read_thread(access, found(world, asked))
        assert (thread.closes_at, thread.closed) == (clock[0] + DAY, "")
        assert (thread.may_reply, thread.mode) == (True, "reply")
        assert thread.platform.text_max == 100
    clock[0] += DAY
    with world.transaction():
        thread = read_thread(access, found(world, asked))
        assert "Pigeon" in thread.closed
        assert (thread.may_reply, thread.mode) == (False, "note")


MEGABYTE = 1024 * 1024
PICTURES = FileLimit(2 * MEGABYTE, frozenset({"image/jpeg", "image/png"}))


def uploaded(world: World, name: str, mime: str, size: int) -> str:
    with world.transaction():
        file = Attachment.objects.create(
            staff=world.carol, kind="file", name=name, mime=mime, size_bytes=size, sha256="0" * 64
        )
    return str(file.public_id)


@pytest.mark.parametrize(
    ("files", "most", "mime", "size", "told"),
    [
        (None, None, "video/mp4", 900 * MEGABYTE, ""),
        (None, 5 * MEGABYTE, "video/mp4", 5 * MEGABYTE, ""),
        (None, 5 * MEGABYTE, "video/mp4", 5 * MEGABYTE + 1, "f is larger than Pigeon takes (5.0"),
        ({"image": PICTURES}, None, "image/png", 2 * MEGABYTE, ""),
        ({"image": PICTURES}, None, "image/png", 2 * MEGABYTE + 1, "larger than Pigeon takes (2.0"),
        ({"image": PICTURES}, None, "image/gif", 1, "Pigeon does not take files like f."),
        ({"image": PICTURES}, None, "application/pdf", 1, "does not take"),
        ({"image": PICTURES}, MEGABYTE, "image/png", MEGABYTE + 1, "takes (1.0"),
        # A picture that is no such picture may still go as a file.
        ({"image": PICTURES, "file": FileLimit(9 * MEGABYTE)}, None, "image/gif", 1, ""),
        ({"image": PICTURES, "file": FileLimit(9 * MEGABYTE)}, None, "image/png", 8 * MEGABYTE, ""),
        ({"image": PICTURES, "file": FileLimit(1)}, None, "text/x-odd", 2, "larger"),
    ],
)
def test_a_file_that_the_platform_does_not_take_is_refused_before_it_is_sent(
    world: World, files, most, mime, size, told
):
    kind = ChannelKind(label="Pigeon", limits=lambda _: Limits(files=files, file_max_bytes=most))
    with channel_kinds.registered("webchat", kind), override("en"):
        asked = world.message("?").conversation_id
        sent = [uploaded(world, "f", mime, size)]
        if not told:
            replying.reply(world.access("carol"), asked, text="", attachment_ids=sent)
            return
        with pytest.raises(Refused) as refused:
            replying.reply(world.access("carol"), asked, text="", attachment_ids=sent)
        assert told in str(refused.value.message).replace("\xa0", " ")
        assert refused.value.details["gate"] == limits.FILE_GATE
        assert json.loads(limits.told_file_limits(found(world, asked)))["kinds"]
        with world.transaction():
            assert Outbox.objects.count() == 0
        # What stays among colleagues meets no platform.
        replying.note(world.access("carol"), asked, text="", attachment_ids=sent)


def quota_of(count: int, **facts) -> ChannelKind:
    return ChannelKind(label="Pigeon", limits=lambda _: Limits(reply_quota=count, **facts))


def left(world: World, conversation_id: int) -> int | None:
    with world.transaction():
        return limits.quota_left(found(world, conversation_id))


def test_each_message_uses_the_quota_up_and_the_customer_renews_it(world: World):
    access = world.access("carol")
    with channel_kinds.registered("webchat", quota_of(3)), override("en"):
        asked = world.message("有人吗？").conversation_id
        assert left(world, asked) == 3
        for expected in (2, 1, 0):
            replying.reply(access, asked, text="来了")
            assert left(world, asked) == expected
        with pytest.raises(Refused) as refused:
            replying.reply(access, asked, text="还有")
        assert "takes 3 messages until the customer writes again" in str(refused.value.message)
        assert refused.value.details["gate"] == limits.QUOTA_GATE
        replying.note(access, asked, text="说完了")
        with world.transaction():
            thread = read_thread(access, found(world, asked))
            assert (thread.quota_left, thread.may_reply, thread.mode) == (0, False, "note")
            assert "takes 3 messages" in thread.closed
        world.message("谢谢")
        assert left(world, asked) == 3
        replying.reply(access, asked, text="不客气")


def test_what_never_reached_the_platform_uses_nothing_up(world: World):
    with channel_kinds.registered("webchat", quota_of(2)):
        asked = world.message("?").conversation_id
        for state in (Delivery.FAILED, Delivery.CANCELLED, Delivery.UNKNOWN):
            replying.reply(world.access("carol"), asked, text="来了")
            with world.transaction():
                Outbox.objects.filter(state=Delivery.QUEUED).update(state=state, due_at=None)
        # Nobody knows whether the last one arrived: it counts.
        assert left(world, asked) == 1


def test_an_answer_in_parts_needs_room_for_all_of_them(world: World):
    with channel_kinds.registered("webchat", quota_of(3, text_max=10, files_apart=True)):
        asked = world.message("?").conversation_id
        with override("en"), pytest.raises(Refused) as refused:
            replying.reply(world.access("carol"), asked, text="x" * 31)
        assert (refused.value.details["left"], refused.value.details["wanted"]) == (3, 4)
        assert "would leave as 4 messages" in str(refused.value.message)
        file = uploaded(world, "f", "image/png", 1)
        replying.reply(world.access("carol"), asked, text="x" * 11, attachment_ids=[file])
        assert left(world, asked) == 0


def test_without_a_quota_nothing_is_counted(world: World):
    asked = world.message("?").conversation_id
    assert left(world, asked) is None


@pytest.mark.parametrize(
    ("facts", "answer", "said"),
    [
        ({"refusal": "Nobody listens here."}, {"text": "来了"}, "Nobody listens here."),
        ({"text_max": 5, "in_parts": False}, {"text": "六个字太长了"}, "6"),
        ({"takes_files": False}, {"text": "", "attachment_ids": ["1"]}, "Pigeon"),
    ],
)
def test_what_a_platform_never_takes_is_refused_before_it_is_written(world, facts, answer, said):
    kind = ChannelKind(label="Pigeon", limits=lambda _settings: Limits(**facts))
    with channel_kinds.registered("webchat", kind):
        asked = world.message("有人吗？").conversation_id
        with pytest.raises(Refused) as refused:
            replying.reply(world.access("carol"), asked, **answer)
    assert refused.value.details["gate"] in {limits.GATE, limits.FILE_GATE}
    assert said in str(refused.value.message)
    with world.transaction():
        assert not Outbox.objects.exists()


def test_what_fits_is_taken_and_a_long_one_in_parts(world):
    for facts in ({"text_max": 5, "in_parts": False}, {"text_max": 2}):
        kind = ChannelKind(label="Pigeon", limits=lambda _settings, facts=facts: Limits(**facts))
        with channel_kinds.registered("webchat", kind):
            asked = world.message("有人吗？").conversation_id
            replying.reply(world.access("carol"), asked, text="五个字刚好")
    with world.transaction():
        assert Outbox.objects.count() == 2


@pytest.mark.parametrize(
    ("facts", "leaves"),
    [
        ({}, True),
        ({"is_public": True}, False),
        ({"freeform": False}, False),
        ({"refusal": "no"}, False),
    ],
)
def test_what_no_person_wrote_leaves_only_in_private_and_in_our_words(world, facts, leaves):
    kind = ChannelKind(label="Pigeon", limits=lambda _settings: Limits(**facts))
    with channel_kinds.registered("webchat", kind):
        asked = world.message("有人吗？").conversation_id
        with world.transaction():
            told = announcing.announce(found_locked(asked), "还有三位")
    assert (told is not None) is leaves


def found_locked(conversation_id):
    return Conversation.objects.select_related("channel", "identity").get(pk=conversation_id)


def test_the_reply_box_says_what_to_know_and_why_it_is_closed(world):
    client = Client()
    client.force_login(world.people["carol"].user)
    for facts, said, is_open in (
        (
            {"notice": "Everybody can read it.", "is_public": True, "in_parts": False},
            "Everybody can",
            True,
        ),
        ({"refusal": "Nobody listens here."}, "Nobody listens here.", False),
    ):
        kind = ChannelKind(label="Pigeon", limits=lambda _settings, facts=facts: Limits(**facts))
        with channel_kinds.registered("webchat", kind):
            asked = world.message("有人吗？").conversation_id
            page = client.get(reverse("portal:conversation", args=[asked])).content.decode()
        assert said in page
        assert ('data-mode="reply"' in page) is is_open
        assert ("data-whole" in page) is is_open
