"""What a rule says to a customer leaves like an answer, marked as automatic, and never goes to a machine."""

from channels_app.leaving import writing
from channels_app.models import Dispatch
from helpdesk.models import Channel, Conversation, Letter, Message, Outbox
from helpdesk.services import timeline
from helpdesk.services.announcing import announce
from tests.channels_app.letters_sent import arrive, letter, open_mailbox
from tests.factories import World


def say(world: World, conversation_id: int, text: str = "We answer from 09:00 on.") -> bool:
    with world.transaction():
        conversation = timeline.lock(conversation_id)
        made = announce(conversation, text)
        conversation.save(update_fields=["last_number"])
        return made is not None


def newest(world: World) -> int:
    with world.transaction():
        return Conversation.objects.latest("pk").pk


def test_an_announcement_by_mail_says_that_no_person_wrote_it(world: World) -> None:
    mailbox = open_mailbox(world)
    arrive(mailbox, letter("ann@shop.example"))
    assert say(world, newest(world))
    with world.transaction():
        row = Outbox.objects.select_related("message__letter", "channel", "conversation").get()
        assert row.message.letter.automatic == Letter.Automatic.REPLY
        assert row.message.letter.to[0][0] == "ann@shop.example"
        outbound = writing.reply(row)
    assert outbound.letter is not None
    assert outbound.letter.is_automatic


def test_nothing_automatic_answers_what_a_machine_wrote(world: World) -> None:
    mailbox = open_mailbox(world)
    arrive(mailbox, letter("robot@shop.example", automatic="absence"))
    assert not say(world, newest(world))
    arrive(mailbox, letter("person@shop.example"))
    assert say(world, newest(world))


def test_a_mailbox_that_got_its_share_of_automatic_mails_gets_no_more(world: World) -> None:
    mailbox = open_mailbox(world, acknowledge_en="We got it.", acknowledge_zh="收到")
    for number in range(3):
        arrive(mailbox, letter(f"victim+{number}@shop.example"))
    with world.transaction():
        assert Dispatch.objects.filter(kind="ack").count() == 3
    arrive(mailbox, letter("victim+9@shop.example"))
    assert not say(world, newest(world))


def test_announcements_in_one_conversation_end_after_three(world: World) -> None:
    pk = world.message("hello").conversation_id
    assert [say(world, pk) for _each in range(5)] == [True, True, True, False, False]
    with world.transaction():
        assert Message.objects.filter(direction="out").count() == 3


def test_nothing_is_said_without_words(world: World) -> None:
    assert not say(world, world.message("hello").conversation_id, "  ")


def test_a_mailbox_without_an_address_says_nothing_and_breaks_nothing(world: World) -> None:
    mailbox = open_mailbox(world)
    arrive(mailbox, letter("ann@shop.example"))
    with world.transaction():
        for channel in Channel.objects.filter(kind=mailbox.kind):
            channel.settings = {**channel.settings, "address": ""}
            channel.save(update_fields=["settings"])
    assert not say(world, newest(world))
