"""Acknowledgements go to whoever wrote, and flood nobody whose address somebody else used."""

from channels_app.models import Dispatch
from tests.channels_app.letters_sent import arrive, letter, open_mailbox


def test_one_mailbox_is_not_flooded_by_tags_on_its_address(world):
    mailbox = open_mailbox(world, acknowledge_en="We got it.", acknowledge_zh="收到")
    for number in range(12):
        arrive(mailbox, letter(f"victim+{number}@shop.example"))
    with world.transaction():
        assert Dispatch.objects.filter(kind="ack").count() == 3
